import { connect, type Socket } from "node:net";

/** All clients read into the same memory: what comes is compared at once and never kept. */
const input = Buffer.allocUnsafe(64 * 1024);

/** The pieces of the body that is expected, from 0; `undefined` behind the last one. */
export type Expected = (n: number) => string | undefined;

/** By `performance.now()`. */
export interface Times {
  readonly sent: number;
  /** The first byte of the body. */
  first: number;
  last: number;
}

/** Pieces of bodies that all clients have found to be right. */
export const received = { pieces: 0 };

type Phase = "idle" | "head" | "body" | "chunk-size" | "chunk" | "chunk-end" | "last-line";

const CR = 0x0d;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/** A connection that sends one request at a time and compares every byte of the answers. */
export class Client {
  readonly #socket: Socket;
  #phase: Phase = "idle";
  /** Bytes that the body or the chunk still has. */
  #left = 0;
  #expected: Expected = () => undefined;
  #count = 0;
  #piece = NOTHING;
  #at = 0;
  #times: Times = { sent: 0, first: 0, last: 0 };
  #done: ((result: Times | Error) => void) | undefined;
  #onFirst: (() => void) | undefined;

  constructor(port: number) {
    const callback = (length: number) => {
      this.#receive(length);
      return true;
    };
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true, onread: { buffer: input, callback } });
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("close", () => this.#end(new Error("the connection was closed")));
  }

  get isIdle(): boolean {
    return this.#phase === "idle" && !this.#socket.destroyed;
  }

  /** Resolves with an Error for anything but a 200 with exactly the expected body. */
  ask(request: Buffer, expected: Expected, onFirst?: () => void): Promise<Times | Error> {
    this.#phase = "head";
    this.#expected = expected;
    this.#count = 0;
    this.#nextPiece();
    this.#times = { sent: performance.now(), first: 0, last: 0 };
    this.#onFirst = onFirst;
    this.#socket.write(request);
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Reads no more. */
  stall(): void {
    this.#socket.pause();
  }

  leave(): void {
    this.#done = undefined;
    this.#socket.destroy();
  }

  #end(result: Times | Error): void {
    const done = this.#done;
    this.#done = undefined;
    if (result instanceof Error) this.#socket.destroy();
    done?.(result);
  }

  #receive(length: number): void {
    let at = 0;
    while (at < length && !this.#socket.destroyed) at = this.#step(at, length);
  }

  /** Reads on from `at`; returns how far it came. */
  #step(at: number, length: number): number {
    switch (this.#phase) {
      case "head":
        return this.#head(at, length);
      case "body":
      case "chunk": {
        const end = Math.min(length, at + this.#left);
        this.#left -= end - at;
        this.#compare(at, end);
        if (this.#left === 0 && this.#phase === "chunk") this.#phase = "chunk-end";
        else if (this.#left === 0) this.#complete();
        return end;
      }
      case "chunk-size": {
        const byte = input[at] ?? 0;
        if (byte === LF) this.#phase = this.#left === 0 ? "last-line" : "chunk";
        else if (byte !== CR) this.#left = this.#left * 16 + Number.parseInt(String.fromCharCode(byte), 16);
        return at + 1;
      }
      case "chunk-end":
        if (input[at] === LF) this.#phase = "chunk-size";
        return at + 1;
      case "last-line":
        if (input[at] === LF) this.#complete();
        return at + 1;
      case "idle":
        this.#end(new Error("bytes that nobody asked for"));
        this.#socket.destroy();
        return length;
    }
  }

  #head(at: number, length: number): number {
    const end = input.indexOf("\r\n\r\n", at);
    const isWhole = end !== -1 && end < length;
    const head = input.toString("latin1", at, isWhole ? end : length);
    if (!isWhole || !head.startsWith("HTTP/1.1 200")) {
      this.#end(new Error(`answered: ${input.toString("latin1", at, Math.min(length, at + 300))}`));
      return length;
    }
    const size = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#left = Number(size ?? 0);
    this.#phase = size === undefined ? "chunk-size" : "body";
    return end + 4;
  }

  #compare(from: number, to: number): void {
    if (this.#times.first === 0) {
      this.#times.first = performance.now();
      this.#onFirst?.();
    }
    let at = from;
    while (at < to) {
      const count = Math.min(to - at, this.#piece.length - this.#at);
      if (count === 0 || input.compare(this.#piece, this.#at, this.#at + count, at, at + count) !== 0) {
        this.#end(new Error(`a body that is not the expected one: ${input.toString("latin1", at, to)}`));
        return;
      }
      at += count;
      this.#at += count;
      if (this.#at < this.#piece.length) continue;
      received.pieces++;
      this.#nextPiece();
    }
  }

  #nextPiece(): void {
    const text = this.#expected(this.#count++);
    this.#piece = text === undefined ? NOTHING : Buffer.from(text, "latin1");
    this.#at = 0;
  }

  #complete(): void {
    this.#phase = "idle";
    this.#times.last = performance.now();
    this.#end(this.#piece.length === 0 ? this.#times : new Error("the answer ended too early"));
  }
}
