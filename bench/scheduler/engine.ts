import { createServer, type Socket } from "node:net";
import { type Ask, type Chunks, DONE, decodeAnswer, event, prefillAnswer, readAsk, ticket } from "./wire.ts";

/*
 * Prefill and decode engines for the bench, in one process of their own: bytes in, bytes out, with as little between
 * as the checks need. Started by engines.ts.
 */

/** What the engines have seen so far. */
export interface EngineState {
  /** Streams that are being answered now. */
  readonly active: number;
  /** How often, each millisecond with streams, the two decode engines were looked at, and what they were apart. */
  readonly looks: number;
  readonly apart: number;
  /** Requests that a router has spoilt: changed, mixed up, or sent to the wrong engine. */
  readonly wrong: number;
  /** `process.hrtime` in milliseconds when a client last left a stream that was not over. */
  readonly lastLeft: number;
}

const state = { active: 0, looks: 0, apart: 0, wrong: 0, lastLeft: 0 };
/** Streams of each decode engine. */
const active = [0, 0] as [number, number];
const started = performance.now();
/** By the millisecond since `started` at which a stream's next event is due. */
const due = new Map<number, Stream[]>();
let now = 0;
const streams = new Map<Socket, Stream>();

interface Stream {
  readonly socket: Socket;
  readonly engine: 0 | 1;
  readonly id: string;
  readonly events: number;
  readonly everyMs: number;
  readonly chunks: Chunks;
  sent: number;
}

setInterval(() => {
  const until = Math.floor(performance.now() - started);
  while (now < until) {
    const streams = due.get(++now);
    due.delete(now);
    for (const stream of streams ?? []) advance(stream);
    if (state.active === 0) continue;
    state.looks++;
    state.apart += Math.abs(active[0] - active[1]);
  }
}, 1);

const prefills = [await listen(prefill), await listen(prefill)];
const decodes = [await listen(decode(0)), await listen(decode(1))];
process.on("message", () => process.send?.(state));
process.on("disconnect", () => process.exit());
process.send?.({ prefill: prefills, decode: decodes });

type Answer = (socket: Socket, body: Buffer) => void;

function listen(answer: Answer): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    let input: Buffer = Buffer.alloc(0);
    let pieces: Buffer[] = [];
    /** Bytes that the request still lacks; unknown while its head does. */
    let missing = 0;
    socket.on("error", () => {});
    socket.on("close", () => left(socket));
    socket.on("data", (bytes) => {
      pieces.push(bytes);
      missing -= bytes.length;
      if (missing > 0) return;
      input = pieces.length === 1 ? bytes : Buffer.concat(pieces);
      pieces = [];
      while (input.length > 0) {
        const headEnd = input.indexOf("\r\n\r\n");
        if (headEnd === -1) break;
        const head = input.toString("latin1", 0, headEnd);
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        const end = headEnd + 4 + length;
        if (input.length < end) {
          missing = end - input.length;
          break;
        }
        if (head.startsWith("POST ")) answer(socket, input.subarray(headEnd + 4, end));
        else socket.write(json("{}"));
        input = input.subarray(end);
      }
      if (input.length > 0) pieces.push(input);
      else missing = 0;
    });
  });
  return new Promise((resolve) => {
    server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
      resolve((server.address() as { port: number }).port);
    });
  });
}

function prefill(socket: Socket, body: Buffer): void {
  const ask = readAsk(body);
  const isPrefill = body.includes('"max_tokens":1,') || body.includes('"max_tokens":1}');
  if (ask === undefined || !isPrefill || !body.includes('"stream":false')) spoilt(socket);
  else socket.write(json(prefillAnswer(ask.id)), "latin1");
}

function decode(engine: 0 | 1): Answer {
  return (socket, body) => {
    const ask = readAsk(body);
    if (ask === undefined || (ask.legs === 2 && !body.includes(ticket(ask.id)))) spoilt(socket);
    else if (ask.events === 0) socket.write(json(decodeAnswer(ask.id)), "latin1");
    else stream(engine, socket, ask);
  };
}

function stream(engine: 0 | 1, socket: Socket, ask: Ask): void {
  const one: Stream = { engine, socket, ...ask, sent: 0 };
  count(one, 1);
  streams.set(socket, one);
  socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
  advance(one);
}

/** Sends the next event, or as many as are taken. */
function advance(stream: Stream): void {
  const { socket, id, events, everyMs, chunks } = stream;
  if (socket.destroyed) return;
  let taken = true;
  do {
    taken = socket.write(chunk(event(id, stream.sent++, chunks)), "latin1");
  } while (everyMs === 0 && taken && stream.sent < events);
  if (stream.sent === events) {
    socket.write(`${chunk(DONE)}0\r\n\r\n`, "latin1");
    streams.delete(socket);
    count(stream, -1);
  } else if (everyMs === 0) {
    socket.once("drain", () => advance(stream));
  } else {
    const at = now + everyMs;
    const others = due.get(at);
    if (others === undefined) due.set(at, [stream]);
    else others.push(stream);
  }
}

function count({ engine }: Stream, by: 1 | -1): void {
  state.active += by;
  active[engine] += by;
}

function left(socket: Socket): void {
  const stream = streams.get(socket);
  if (stream === undefined) return;
  streams.delete(socket);
  count(stream, -1);
  state.lastLeft = Number(process.hrtime.bigint()) / 1e6;
}

function spoilt(socket: Socket): void {
  state.wrong++;
  socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
}

function json(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}
