import type { Bagged } from "../data/bag.ts";
import type { Hold } from "../data/budget.ts";
import type { Party } from "../data/party.ts";
import { type Piece, totalLength } from "../data/pieces.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import type { ErrorForm, Failure } from "../errors.ts";
import { chunk, httpDate, LAST_CHUNK, responseHead } from "../http/write.ts";
import type { Trace } from "../log.ts";

/** The side of a client connection that a reply writes to. */
export interface ReplyTarget {
  /** False when the client reads too slowly: wait for the reply's `onDrain`. */
  write(pieces: readonly Piece[]): boolean;
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
  /** What the request and its answer keep in memory, until nothing works on it any more. */
  readonly hold: Hold;
  /** Whom it is counted for where requests wait: its address, or whose key it came with. */
  party: Party;
  /** What it takes of what instances can do, until then too. */
  turn: { end(): void } | undefined;
  /** Fires when the client is gone or the answer has to end now. */
  readonly stop = new StopSignal();
  /** Called when the client has read what `write` returned false for. */
  onDrain: (() => void) | undefined;
  /** Called once, when the answer begins, be it with a failure. */
  onOpen: (() => void) | undefined;
  /** Whether the connection ends with this answer. */
  close: boolean;
  errorForm: ErrorForm = "openai";
  /** How many events of its stream the client has from an answer before. */
  eventsBefore = 0;
  readonly #target: ReplyTarget;
  readonly #headOnly: boolean;
  readonly #minor: number;
  #mode: "waiting" | "events" | "records" | "sized" | "over" = "waiting";
  /** What a record ends with. */
  #recordEnd = "";
  /** Written with the first bytes of the body. */
  #head = "";

  constructor(
    target: ReplyTarget,
    trace: Trace,
    hold: Hold,
    request: { method: string; minor: number; keepAlive: boolean } | undefined,
  ) {
    this.#target = target;
    this.trace = trace;
    this.hold = hold;
    this.party = hold.client.party;
    this.#headOnly = request?.method === "HEAD";
    this.#minor = request?.minor ?? 1;
    this.close = request?.keepAlive !== true;
  }

  /** Whether the status has been written. */
  get started(): boolean {
    return this.#mode !== "waiting";
  }

  /** A whole answer. `fields` are further lines of its head. */
  send(status: number, body: readonly Piece[], fields = ""): void {
    const length = totalLength(body);
    this.openSized(status, length, fields);
    if (!this.#headOnly) this.trace.addBytes(length);
    this.#write(this.#headOnly ? [] : body);
    this.end();
  }

  /** Begins an answer of exactly `length` bytes of JSON. */
  openSized(status: number, length: number, fields = ""): void {
    const framing = `Content-Type: application/json\r\nContent-Length: ${length}\r\n`;
    this.#open("sized", status, framing + fields);
  }

  /** Begins an event stream. */
  openEvents(): void {
    this.#openStream("events", "Content-Type: text/event-stream; charset=utf-8\r\n");
  }

  /** Begins a stream of records that end with `end`. Like vLLM's, it has no type. */
  openRecords(end: string): void {
    this.#recordEnd = end;
    this.#openStream("records", "");
  }

  #openStream(mode: "events" | "records", type: string): void {
    // HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
    if (this.#minor === 0) this.close = true;
    const framing = this.#minor === 0 ? "" : "Transfer-Encoding: chunked\r\n";
    this.#open(mode, 200, `${type}Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n${framing}`);
  }

  #open(mode: "events" | "records" | "sized", status: number, fields: string): void {
    this.#mode = mode;
    this.trace.status = status;
    this.onOpen?.();
    const closing = this.close ? "Connection: close\r\n" : "";
    const common = `Date: ${httpDate()}\r\nX-Request-Id: ${this.trace.id}\r\n`;
    this.#head = responseHead(status, common + fields + closing);
  }

  /** Part of an opened answer; `bytes` is not empty. False: the client has to read first. */
  write(bytes: Buffer): boolean {
    if (this.#mode === "over" || this.#headOnly) return true;
    this.trace.addBytes(bytes.length);
    return this.#write(this.#isChunked ? chunk(bytes) : [bytes]);
  }

  #write(pieces: readonly Piece[]): boolean {
    const head = this.#head;
    this.#head = "";
    return this.#target.write(head === "" ? pieces : [head, ...pieces]);
  }

  get #isChunked(): boolean {
    return (this.#mode === "events" || this.#mode === "records") && this.#minor === 1;
  }

  /** Completes an opened answer. */
  end(): void {
    if (this.#mode === "over") return;
    if (this.#isChunked) this.#write([LAST_CHUNK]);
    else if (this.#head !== "") this.#write([]);
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
        this.send(failure.status, [Buffer.from(failure.toJson(this.errorForm))], furtherFields(failure));
        break;
      case "events":
        this.write(Buffer.from(failure.toEvent(this.errorForm, this.eventsBefore + this.trace.events)));
        this.end();
        break;
      case "records":
        this.write(Buffer.from(failure.toJson(this.errorForm) + this.#recordEnd));
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

function furtherFields({ status, retryAfter, allow }: Failure): string {
  if (status === 401) return "WWW-Authenticate: Bearer\r\n";
  const retry = retryAfter === undefined ? "" : `Retry-After: ${retryAfter}\r\n`;
  return allow === undefined ? retry : `${retry}Allow: ${allow}\r\n`;
}

/** What an engine's answer is relayed to: the reply, or what makes one of several. */
export type Answer = Pick<
  Reply,
  | "trace"
  | "stop"
  | "hold"
  | "started"
  | "onDrain"
  | "onOpen"
  | "openEvents"
  | "openRecords"
  | "openSized"
  | "write"
  | "send"
  | "end"
>;
