import type { Socket } from "node:net";
import { joined, MAX_TEXT_BYTES, type Piece, text, totalLength } from "../data/pieces.ts";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** `fields` are whole lines. What stands there comes from us or the parser has checked it: nothing is escaped here. */
export function responseHead(status: number, fields: string): string {
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n${fields}\r\n`;
}

/** `fields` as those of `responseHead`. */
export function requestHead(method: string, path: string, fields: string): string {
  return `${method} ${path} HTTP/1.1\r\n${fields}\r\n`;
}

/** `bytes`, not empty, as one chunk of a chunked body. */
export function chunk(bytes: Buffer): Piece[] {
  return [`${bytes.length.toString(16)}\r\n`, bytes, "\r\n"];
}

export const LAST_CHUNK = "0\r\n\r\n";

/** Up to this size copying pieces into one costs less than handing them to the kernel one by one. */
export const MAX_JOINED_BYTES = 64 * 1024;

/** Writes `pieces` with one system call. What `socket.write` returns: false when more has to wait for `drain`. */
export function writeTogether(socket: Socket, pieces: readonly Piece[]): boolean {
  const total = totalLength(pieces);
  if (total <= MAX_TEXT_BYTES) return socket.write(text(pieces), "latin1");
  if (total <= MAX_JOINED_BYTES) return socket.write(joined(pieces, total));
  let goOn = true;
  socket.cork();
  for (const piece of pieces) if (piece.length > 0) goOn = socket.write(piece, "latin1");
  socket.uncork();
  return goOn;
}

let dateSecond = 0;
let dateText = "";

/** The Date header's value, made once a second. */
export function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
