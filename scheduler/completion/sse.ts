import type { Hold } from "../data/budget.ts";
import { ByteBuffer } from "../data/bytes.ts";
import { joined } from "../data/pieces.ts";
import { ERROR_MARK, isErrorObject } from "../engine/refusal.ts";
import { Failure } from "../errors.ts";
import { scanIfObject } from "../json/spans.ts";
import { PARAMS_MARK, withoutTransferParams } from "./transfer-params.ts";
import { MAX_USAGE, USAGE } from "./usage.ts";

/**
 * A longer event is a failure: what waits for its end is held in memory, once per stream. Log probabilities of a whole
 * vocabulary, or an answer's in one event, are some MiB.
 */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
/** Clients skip it in front of a stream. */
const BOM = Buffer.from("\ufeff");

/** What is special is no longer: so much is searched again, as it may have come in two pieces. */
const MAX_MARK = 64;

/** How a stream says that it is complete: by an event of its own. */
export interface StreamEnd {
  readonly name: string;
  /** What has to be looked at more closely: almost no event. One search for all costs less than one for each. */
  readonly special: RegExp;
  /** What is special, or a `usage`. */
  readonly marked: RegExp;
  isLast(data: Buffer): boolean;
  /** Whether it can stand alone, as what has the whole answer in it. */
  readonly isAnswer?: true;
  /** The line that an event begins with which an engine gives before it has begun to work: it tells nothing. */
  readonly preamble?: RegExp;
}

function streamEnd(name: string, mark: string, isLast: StreamEnd["isLast"]): StreamEnd {
  const special = `${mark}|${ERROR_MARK.source}|${PARAMS_MARK.source}`;
  return { name, special: new RegExp(special), marked: new RegExp(`${special}|${USAGE}`), isLast };
}

/** Whether an event's data is an object of one of these types. */
function isOfType(data: Buffer, types: readonly string[]): boolean {
  const type = scanIfObject(data, ["type"])?.find(({ key }) => key === "type");
  return type !== undefined && types.includes(data.toString("latin1", type.valueStart, type.end));
}

const DONE = Buffer.from("[DONE]");
/** OpenAI's. */
export const DONE_LAST = streamEnd("[DONE]", "\\[DONE\\]", (data) => data.equals(DONE));
/** Anthropic's: `{"type":"message_stop"}`. */
export const MESSAGE_STOP = streamEnd("message_stop", "message_stop", (data) =>
  isOfType(data, ['"message_stop"']),
);
const RESPONSE_ENDS = ["completed", "incomplete", "failed"].map((end) => `"response.${end}"`);
/** Of OpenAI's responses: the whole response, however it has ended. */
export const RESPONSE_OVER: StreamEnd = {
  ...streamEnd("response.completed", "response\\.(?:completed|incomplete|failed)", (data) =>
    isOfType(data, RESPONSE_ENDS),
  ),
  isAnswer: true,
  preamble: /^event: response\.(?:created|queued|in_progress)\r?\n/,
};

/** What a push made ready. */
export interface Events {
  /** Whole events as they came, the one that ends the stream included, without the stream's byte order mark; may be empty. */
  readonly pass: Buffer;
  /** How many of them have data, that one not counted. */
  readonly events: number;
  /** Set when the stream is over, whatever follows. */
  readonly end?: "done" | "error";
  /** With `end: "error"`: the data of the engine's own error event, which is not in `pass`. */
  readonly error?: Buffer;
}

/**
 * Cuts a `text/event-stream` into whole events (WHATWG HTML §9.2.6) without decoding or changing them. LF, CRLF
 * and CR end a line. Comments in front of the first event wait for it: a stream of comments has not started.
 */
export class EventSplitter {
  readonly #last: StreamEnd;
  readonly #held: ByteBuffer;
  /** How many of the held bytes have been looked at, and where the line there begins. */
  #seen = 0;
  #lineStart = 0;
  #eventHasData = false;
  /** How many of the held bytes were searched for what is special, and whether it was found. */
  #searched = 0;
  #wasSpecial = false;
  #started = false;
  /** The last `usage` in whole events, from its key on, in latin1; empty where there was none. */
  usage = "";

  /** `hold` counts what waits for the end of its event. */
  constructor(last: StreamEnd = DONE_LAST, hold?: Hold) {
    this.#last = last;
    this.#held = new ByteBuffer(MAX_EVENT_BYTES, hold);
  }

  /** Throws a Failure when an event is too long. */
  push(chunk: Buffer): Events {
    const isFirst = this.#held.length === 0;
    if (!isFirst) this.#held.append(chunk);
    const bytes = isFirst ? chunk : this.#held.view();
    const start = this.#started || !isBomFirst(bytes) ? 0 : BOM.length;
    this.#lineStart = Math.max(this.#lineStart, start);
    const { ends, events } = this.#eventEnds(bytes);
    const end = ends.at(-1) ?? 0;
    if (isFirst) this.#held.appendCopy(bytes.subarray(end));
    else this.#held.consume(end);
    this.#seen = bytes.length - end;
    this.#lineStart -= end;
    if (this.#seen > MAX_EVENT_BYTES) {
      throw new Failure("decode_failed", { detail: `an event is longer than ${MAX_EVENT_BYTES} bytes` });
    }
    // What has no end yet is searched as it comes: a large event would take its time all at once.
    const isSpecial = this.#isSpecial(end === 0 ? bytes : bytes.subarray(0, end), end > 0);
    this.#wasSpecial = end === 0 && isSpecial;
    this.#searched = end === 0 ? bytes.length : 0;
    const pass = bytes.subarray(start, end);
    return isSpecial && end > 0 ? inspect(bytes, start, ends, this.#last) : { pass, events };
  }

  /** Whether there is something in `bytes` to look at more closely, of which `#searched` were searched before. */
  #isSpecial(bytes: Buffer, isWhole: boolean): boolean {
    const text = bytes.toString("latin1", Math.max(0, this.#searched - (isWhole ? MAX_USAGE : MAX_MARK)));
    // One search for all costs less than one for each, and almost no event has any.
    if (!this.#last.marked.test(text)) return this.#wasSpecial;
    const usage = isWhole ? text.lastIndexOf(USAGE) : -1;
    if (usage !== -1) this.usage = text.slice(usage, usage + MAX_USAGE);
    return this.#wasSpecial || this.#last.special.test(text);
  }

  /** `bytes`, which are whole events, one by one. */
  static split(bytes: Buffer): Buffer[] {
    const { ends } = new EventSplitter().#eventEnds(bytes);
    return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
  }

  /**
   * Where whole events end, and how many have data. Blank lines behind one are ends of their own, as is an LF whose CR
   * has gone ahead.
   */
  #eventEnds(bytes: Buffer): { readonly ends: number[]; readonly events: number } {
    const ends: number[] = [];
    let events = 0;
    for (let at = this.#seen; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte !== LF && byte !== CR) continue;
      const isSecondHalf = byte === LF && at === this.#lineStart && at > 0 && bytes[at - 1] === CR;
      if (isSecondHalf) {
        // Of a CRLF. Behind a whole event it goes with it.
        if (at === ends.at(-1)) ends[ends.length - 1] = at + 1;
      } else if (at > this.#lineStart) {
        this.#eventHasData ||= isDataLine(bytes, this.#lineStart, at);
      } else if (this.#eventHasData || this.#started) {
        ends.push(at + 1);
        if (this.#eventHasData) events++;
        this.#started = true;
        this.#eventHasData = false;
      }
      this.#lineStart = at + 1;
    }
    return { ends, events };
  }
}

/** Whether the line's field is `data`: with a colon behind it, or nothing. */
function isDataLine(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > 4 && bytes[start + 4] !== 0x3a) return false;
  return (
    bytes[start] === 0x64 &&
    bytes[start + 1] === 0x61 &&
    bytes[start + 2] === 0x74 &&
    bytes[start + 3] === 0x61
  );
}

function isBomFirst(bytes: Buffer): boolean {
  return bytes[0] === BOM[0] && bytes[1] === BOM[1] && bytes[2] === BOM[2];
}

function inspect(bytes: Buffer, from: number, ends: readonly number[], last: StreamEnd): Events {
  const pass: Buffer[] = [];
  let events = 0;
  let start = from;
  for (const end of ends) {
    const event = bytes.subarray(start, end);
    start = end;
    const data = dataOf(event);
    if (data === undefined) {
      pass.push(event);
      continue;
    }
    if (last.isLast(data)) {
      pass.push(...withoutParams(event, data), lineEnd(event));
      return { pass: Buffer.concat(pass), events, end: "done" };
    }
    if (isErrorObject(data)) return { pass: Buffer.concat(pass), events, end: "error", error: data };
    pass.push(...withoutParams(event, data));
    events++;
  }
  const [only] = pass;
  // A large event, which is alone, is not copied.
  return { pass: only !== undefined && pass.length === 1 ? only : Buffer.concat(pass), events };
}

/** The LF that a CRLF cut in two still owes, where nothing that follows is waited for. */
function lineEnd(event: Buffer): Buffer {
  return Buffer.from(event.toString("latin1", event.length - 3) === "\r\n\r" ? "\n" : "");
}

/** The values of the event's data lines, joined by LF; `undefined` where there is none. */
export function dataOf(event: Buffer): Buffer | undefined {
  const values: Buffer[] = [];
  for (const { start, contentEnd, isData } of linesOf(event)) {
    if (!isData) continue;
    const value = start + (event[start + 5] === SPACE ? 6 : 5);
    values.push(event.subarray(Math.min(value, contentEnd), contentEnd));
  }
  return values.length <= 1 ? values[0] : joined(values.flatMap((value) => ["\n", value]).slice(1));
}

/** The event with new data where its data was, if parameters of a transfer stand in it. */
function withoutParams(event: Buffer, data: Buffer): Buffer[] {
  const clean = withoutTransferParams(data);
  if (clean === data) return [event];
  const pieces: Buffer[] = [];
  let isWritten = false;
  for (const { start, contentEnd, end, isData } of linesOf(event)) {
    if (!isData) pieces.push(event.subarray(start, end));
    else if (!isWritten) {
      isWritten = true;
      const lines = clean.toString("latin1").split("\n");
      const lineEnd = event.toString("latin1", contentEnd, end);
      pieces.push(Buffer.from(lines.map((line) => `data: ${line}${lineEnd}`).join(""), "latin1"));
    }
  }
  return pieces;
}

interface Line {
  readonly start: number;
  readonly contentEnd: number;
  /** Behind its line end. */
  readonly end: number;
  readonly isData: boolean;
}

/** Searches go on where the last ones ended, so that few line ends of a kind among many of the other cost nothing. */
function* linesOf(event: Buffer): Generator<Line> {
  let lf = -1;
  let cr = -1;
  for (let start = 0; start < event.length; ) {
    if (lf < start) lf = indexOrEnd(event, LF, start);
    if (cr < start) cr = indexOrEnd(event, CR, start);
    const contentEnd = Math.min(lf, cr);
    const end = Math.min(contentEnd + (lf === cr + 1 ? 2 : 1), event.length);
    yield { start, contentEnd, end, isData: isDataLine(event, start, contentEnd) };
    start = end;
  }
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}
