import type { Bagged } from "./bag.ts";
import type { Failure } from "./errors.ts";
import { chunk, type Headers, httpDate, LAST_CHUNK, responseHead, totalLength } from "./http/write.ts";
import type { Trace } from "./log.ts";
import { StopSignal } from "./stop-signal.ts";

/** The side of a client connection that a reply writes to. */
export interface ReplyTarget {
  /** False when the client reads too slowly: wait for the reply's `onDrain`. */
  write(pieces: readonly Buffer[]): boolean;
  /** The answer is complete. */
  finished(): void;
  /** The answer cannot be completed: the connection has to break. */
  cut(): void;
}

/**
 * The answer to one request. A whole answer is one `send`; a longer one is opened, written and ended. Whatever
 * goes wrong is `fail`, which does what is still possible.
 */
export class Reply implements Bagged {
  place = -1;
  readonly trace: Trace;
  /** Fires when the client is gone or the answer has to end now. */
  readonly stop = new StopSignal();
  /** Called when the client has read what `write` returned false for. */
  onDrain: (() => void) | undefined;
  /** Called once, when the answer begins, be it with a failure. */
  onOpen: (() => void) | undefined;
  /** Whether the connection ends with this answer. */
  close: boolean;
  readonly #target: ReplyTarget;
  readonly #headOnly: boolean;
  readonly #minor: number;
  #mode: "waiting" | "events" | "records" | "sized" | "over" = "waiting";
  /** What a record ends with. */
  #recordEnd = "";
  /** Written with the first bytes of the body. */
  #head: Buffer[] = [];

  constructor(
    target: ReplyTarget,
    trace: Trace,
    request: { method: string; minor: number; keepAlive: boolean } | undefined,
  ) {
    this.#target = target;
    this.trace = trace;
    this.#headOnly = request?.method === "HEAD";
    this.#minor = request?.minor ?? 1;
    this.close = request?.keepAlive !== true;
  }

  /** Whether the status has been written. */
  get started(): boolean {
    return this.#mode !== "waiting";
  }

  /** A whole answer. */
  send(status: number, body: readonly Buffer[], headers: Headers = []): void {
    const length = totalLength(body);
    this.openSized(status, length, headers);
    if (!this.#headOnly) this.trace.bytes += length;
    this.#write(this.#headOnly ? [] : body);
    this.end();
  }

  /** Begins an answer of exactly `length` bytes of JSON. */
  openSized(status: number, length: number, headers: Headers = []): void {
    this.#open("sized", status, [
      ["Content-Type", "application/json"],
      ["Content-Length", String(length)],
      ...headers,
    ]);
  }

  /** Begins an event stream. */
  openEvents(): void {
    this.#openStream("events", [["Content-Type", "text/event-stream; charset=utf-8"]]);
  }

  /** Begins a stream of records that end with `end`. Like vLLM's, it has no type. */
  openRecords(end: string): void {
    this.#recordEnd = end;
    this.#openStream("records", []);
  }

  #openStream(mode: "events" | "records", headers: Headers): void {
    // HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
    if (this.#minor === 0) this.close = true;
    this.#open(mode, 200, [
      ...headers,
      ["Cache-Control", "no-cache"],
      ["X-Accel-Buffering", "no"],
      ...(this.#minor === 0 ? [] : [["Transfer-Encoding", "chunked"] as const]),
    ]);
  }

  #open(mode: "events" | "records" | "sized", status: number, headers: Headers): void {
    this.#mode = mode;
    this.trace.status = status;
    this.onOpen?.();
    const head = responseHead(status, [
      ["Date", httpDate()],
      ["X-Request-Id", this.trace.id],
      ...headers,
      ...(this.close ? [["Connection", "close"] as const] : []),
    ]);
    this.#head = [head];
  }

  /** Part of an opened answer; `bytes` is not empty. False: the client has to read first. */
  write(bytes: Buffer): boolean {
    if (this.#mode === "over" || this.#headOnly) return true;
    this.trace.bytes += bytes.length;
    return this.#write(this.#isChunked ? chunk(bytes) : [bytes]);
  }

  #write(pieces: readonly Buffer[]): boolean {
    const head = this.#head;
    this.#head = [];
    return this.#target.write(head.length === 0 ? pieces : [...head, ...pieces]);
  }

  get #isChunked(): boolean {
    return (this.#mode === "events" || this.#mode === "records") && this.#minor === 1;
  }

  /** Completes an opened answer. */
  end(): void {
    if (this.#mode === "over") return;
    if (this.#isChunked) this.#write([LAST_CHUNK]);
    else if (this.#head.length > 0) this.#write([]);
    this.#mode = "over";
    this.#target.finished();
  }

  /**
   * Ends the answer as a failure: an error with its own status while that is possible, then an `error` event
   * without `[DONE]`, or an `error` record and no last chunk, as records have no other sign of their end; and for a
   * sized answer, where no sign is left to give, a broken connection.
   */
  fail(failure: Failure): void {
    switch (this.#mode) {
      case "waiting":
        this.send(
          failure.status,
          [Buffer.from(failure.toJson())],
          [
            ...(failure.retryAfter === undefined ? [] : [["Retry-After", failure.retryAfter] as const]),
            ...(failure.allow === undefined ? [] : [["Allow", failure.allow] as const]),
          ],
        );
        break;
      case "events":
        this.write(Buffer.from(`data: ${failure.toJson()}\n\n`));
        this.end();
        break;
      case "records":
        this.write(Buffer.from(failure.toJson() + this.#recordEnd));
        this.#mode = "over";
        this.close = true;
        this.#target.finished();
        break;
      case "sized":
        this.#mode = "over";
        this.#target.cut();
        break;
      case "over":
        break;
    }
  }
}
