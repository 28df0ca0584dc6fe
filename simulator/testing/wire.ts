import { connect } from "node:net";

/*
 * One HTTP exchange as it is on the wire: what clients and servers in libraries mend or join stays as it came.
 */

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WireAnswer {
  readonly status: number;
  /** Names as they came. */
  readonly headers: Readonly<Record<string, string>>;
  /** The chunks of a chunked body; a body of a known length is one. */
  readonly chunks: readonly string[];
}

const ANSWER_LIMIT_MS = 120_000;

export async function exchange(url: string, request: WireRequest): Promise<WireAnswer> {
  const { hostname, port } = new URL(url);
  const bytes = await sent(hostname, Number(port), requestText(request));
  const end = bytes.indexOf("\r\n\r\n");
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(": ", 2)));
  const body = bytes.subarray(end + 4);
  const isChunked = lines.some((line) => /^transfer-encoding: chunked$/i.test(line));
  const whole = body.length === 0 ? [] : [body.toString()];
  return { status: Number(first.split(" ")[1]), headers, chunks: isChunked ? chunksOf(body) : whole };
}

function requestText({ method, path, headers, body }: WireRequest): string {
  const hasBody = body !== "" || method === "POST";
  const all = {
    Host: "engine",
    Connection: "close",
    ...headers,
    ...(hasBody ? { "Content-Length": `${Buffer.byteLength(body)}` } : {}),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

function sent(host: string, port: number, text: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ host, port, allowHalfOpen: true }, () => socket.write(text));
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("data", (part) => parts.push(part));
    socket.on("error", reject);
    socket.on("end", () => socket.end());
    socket.on("close", () => resolve(Buffer.concat(parts)));
  });
}

function chunksOf(body: Buffer): string[] {
  const chunks: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    const length = Number.parseInt(body.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(length)) throw new Error("the chunked body is cut");
    if (length === 0) return chunks;
    chunks.push(body.toString("utf8", lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}
