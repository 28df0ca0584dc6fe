import { ByteBuffer } from "../data/bytes.ts";
import { joined } from "../data/pieces.ts";
import { Failure } from "../errors.ts";
import { scanIfObject } from "../json/spans.ts";
import { withoutKvParams } from "./legs.ts";

/** A longer event is a failure: what waits for its end is held in memory, once per stream. */
export const MAX_EVENT_BYTES = 512 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** What a push made ready. */
export interface Events {
  /** Whole events as they came, `[DONE]` included; may be empty. */
  readonly pass: Buffer;
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
  readonly #held = new ByteBuffer();
  /** How many of the held bytes have been looked at, and where the line there begins. */
  #seen = 0;
  #lineStart = 0;
  #eventHasData = false;
  #started = false;
  /** Whole events with data that were pushed so far. */
  events = 0;

  /** Throws a Failure when an event is too long. */
  push(chunk: Buffer): Events {
    const isFirst = this.#held.length === 0;
    if (!isFirst) this.#held.append(chunk);
    const bytes = isFirst ? chunk : this.#held.view();
    const ends = this.#eventEnds(bytes);
    const whole = bytes.subarray(0, ends.at(-1) ?? 0);
    if (isFirst) this.#held.appendCopy(bytes.subarray(whole.length));
    else this.#held.consume(whole.length);
    this.#seen = bytes.length - whole.length;
    this.#lineStart -= whole.length;
    if (this.#seen > MAX_EVENT_BYTES) {
      throw new Failure("decode_failed", { detail: `an event is longer than ${MAX_EVENT_BYTES} bytes` });
    }
    return mayBeSpecial(whole) ? inspect(whole, ends) : { pass: whole };
  }

  /** `bytes`, which are whole events, one by one. */
  static split(bytes: Buffer): Buffer[] {
    const ends = new EventSplitter().#eventEnds(bytes);
    return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
  }

  /** Where whole events end. Blank lines behind one are ends of their own, as is an LF whose CR has gone ahead. */
  #eventEnds(bytes: Buffer): number[] {
    const ends: number[] = [];
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
        if (this.#eventHasData) this.events++;
        this.#started = true;
        this.#eventHasData = false;
      }
      this.#lineStart = at + 1;
    }
    return ends;
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

// `\u00` stands in every escaped spelling of an ASCII key.
const SPECIAL = ["[DONE]", '"error"', "kv_transfer_params", "\\u00"].map((text) => Buffer.from(text));

/** Almost no event needs a closer look; these searches run at memory speed. */
function mayBeSpecial(events: Buffer): boolean {
  return SPECIAL.some((text) => events.includes(text));
}

function inspect(bytes: Buffer, ends: readonly number[]): Events {
  const pass: Buffer[] = [];
  let start = 0;
  for (const end of ends) {
    const event = bytes.subarray(start, end);
    const data = dataOf(event);
    if (data.equals(DONE)) return { pass: Buffer.concat([...pass, event, lineEnd(event)]), end: "done" };
    if (hasError(data)) return { pass: Buffer.concat(pass), end: "error", error: data };
    pass.push(withoutParams(event, data));
    start = end;
  }
  return { pass: Buffer.concat(pass) };
}

const DONE = Buffer.from("[DONE]");

/** The LF that a CRLF cut in two still owes, where nothing that follows is waited for. */
function lineEnd(event: Buffer): Buffer {
  return Buffer.from(event.toString("latin1", event.length - 3) === "\r\n\r" ? "\n" : "");
}

/** The values of the event's data lines, joined by LF. */
export function dataOf(event: Buffer): Buffer {
  const values = linesOf(event)
    .filter(({ isData }) => isData)
    .map(({ content }) => content.slice(content[5] === " " ? 6 : 5));
  return Buffer.from(values.join("\n"), "latin1");
}

function hasError(data: Buffer): boolean {
  const error = scanIfObject(data, ["error"])?.find(({ key }) => key === "error");
  return error !== undefined && data.toString("latin1", error.valueStart, error.end) !== "null";
}

/** The event with new data where its data was, if KV parameters stand in it. */
function withoutParams(event: Buffer, data: Buffer): Buffer {
  const clean = joined(withoutKvParams(data) ?? [data]);
  if (clean.length === data.length) return event;
  const left = clean.toString("latin1").split("\n");
  let text = "";
  for (const { content, end, isData } of linesOf(event)) {
    if (!isData) text += content + end;
    else for (const line of left.splice(0)) text += `data: ${line}${end}`;
  }
  return Buffer.from(text, "latin1");
}

interface Line {
  readonly content: string;
  readonly end: string;
  readonly isData: boolean;
}

function linesOf(event: Buffer): Line[] {
  const lines = event.toString("latin1").matchAll(/([^\r\n]*)(\r\n|\n|\r)/g);
  return [...lines].map(([, content = "", end = ""]) => ({
    content,
    end,
    isData: /^data(?::|$)/.test(content),
  }));
}
