import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** An answer as a client sees it. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  /** Without chunk framing. */
  readonly body: string;
  /** Whether the body was all there by its own framing. */
  readonly whole: boolean;
  header(name: string): string | undefined;
  json(): { error: { message: string; type: string; code: string } } & Record<string, unknown>;
}

/** A raw client connection. */
export interface Client {
  readonly socket: Socket;
  send(bytes: string | Buffer): void;
  /** The next answer; what has come of it when the connection ends first. */
  answer(): Promise<Answer>;
  /** Resolves when everything received so far, as text, satisfies `met`; rejects when the connection ends before. */
  received(met: (text: string) => boolean): Promise<string>;
  /** Resolves when the scheduler has ended the connection, with all that came unread. */
  ended(): Promise<string>;
  /** Whether it was broken instead of ended. */
  readonly broken: boolean;
}

/** `localAddress`: whose client it is to be. */
export async function client(port: number, localAddress?: string): Promise<Client> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  let input = Buffer.alloc(0);
  let over = false;
  let broken = false;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const change = () => new Promise<void>((resolve) => waiting.push(resolve));
  socket.on("data", (bytes) => {
    input = Buffer.concat([input, bytes]);
    wake();
  });
  const end = () => {
    over = true;
    wake();
  };
  socket.on("end", end);
  socket.on("close", end);
  socket.on("error", () => {
    broken = true;
    end();
  });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return {
    socket,
    get broken() {
      return broken;
    },
    send: (bytes) => {
      socket.write(bytes);
    },
    async answer() {
      for (;;) {
        const found = parseAnswer(input, over);
        if (found !== undefined) {
          input = input.subarray(found.length);
          return found.answer;
        }
        if (over) throw new Error(`the connection ended after: ${input.toString("latin1").slice(0, 500)}`);
        await change();
      }
    },
    async received(met) {
      while (!met(input.toString("latin1"))) {
        if (over) throw new Error(`the connection ended after: ${input.toString("latin1").slice(0, 500)}`);
        await change();
      }
      return input.toString("latin1");
    },
    async ended() {
      while (!over) await change();
      return input.toString("latin1");
    },
  };
}

function parseAnswer(input: Buffer, over: boolean): { answer: Answer; length: number } | undefined {
  const text = input.toString("latin1");
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  const header = (name: string) => new RegExp(`\r\n${name}: *([^\r]*)`, "i").exec(head)?.[1];
  const start = headEnd + 4;
  const make = (body: string, length: number, whole: boolean) => {
    const decoded = Buffer.from(body, "latin1").toString();
    const answer: Answer = {
      status: Number(head.split(" ")[1]),
      head,
      body: decoded,
      whole,
      header,
      json: () => JSON.parse(decoded),
    };
    return { answer, length };
  };
  if (/^HTTP\/1\.1 100 /.test(head)) return make("", start, true);
  if (header("transfer-encoding") === "chunked") {
    let body = "";
    let at = start;
    for (;;) {
      const lineEnd = text.indexOf("\r\n", at);
      const size = Number.parseInt(text.slice(at, lineEnd), 16);
      const next = lineEnd + 2 + size + 2;
      if (lineEnd === -1 || text.length < next) return over ? make(body, text.length, false) : undefined;
      if (size === 0) return make(body, next, true);
      body += text.slice(lineEnd + 2, lineEnd + 2 + size);
      at = next;
    }
  }
  const length = header("content-length");
  if (length === undefined) return over ? make(text.slice(start), text.length, true) : undefined;
  const end = start + Number(length);
  if (text.length < end) return over ? make(text.slice(start), text.length, false) : undefined;
  return make(text.slice(start, end), end, true);
}

/** A completion request. `extra` are whole header lines. */
export function post(body: string, path = "/v1/completions", ...extra: string[]): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: test",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...extra,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export function get(path: string, ...extra: string[]): string {
  return `${[`GET ${path} HTTP/1.1`, "Host: test", ...extra].join("\r\n")}\r\n\r\n`;
}

/** Sends one request on a connection of its own. */
export async function ask(port: number, request: string | Buffer): Promise<Answer> {
  const one = await client(port);
  one.send(request);
  return one.answer();
}

export const PLAIN = '{"model":"m","prompt":"hi"}';
export const STREAM = '{"model":"m","prompt":"hi","stream":true}';

/** Looks again and again; the test's own time-out ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
