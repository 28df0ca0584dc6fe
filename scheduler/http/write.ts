/** Names and values come from us or have been checked by the parser: nothing is escaped here. */
export type Headers = readonly (readonly [name: string, value: string])[];

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

export function responseHead(status: number, headers: Headers): string {
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n${lines(headers)}\r\n`;
}

export function requestHead(method: string, path: string, headers: Headers): string {
  return `${method} ${path} HTTP/1.1\r\n${lines(headers)}\r\n`;
}

function lines(headers: Headers): string {
  let text = "";
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return text;
}

/** `bytes`, not empty, as one chunk of a chunked body. */
export function chunk(bytes: Buffer): Buffer {
  const size = bytes.length.toString(16);
  const framed = Buffer.allocUnsafe(size.length + bytes.length + 4);
  let at = framed.write(`${size}\r\n`, "latin1");
  at += bytes.copy(framed, at);
  framed.write("\r\n", at, "latin1");
  return framed;
}

export const LAST_CHUNK = Buffer.from("0\r\n\r\n");

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
