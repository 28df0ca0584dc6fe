import { isUtf8 } from "node:buffer";
import { stringEnd } from "./string-end.ts";

/**
 * Reads the top level of a JSON object as bytes, for those who edit it. Nothing is turned into values and back, so number
 * literals, key order, white space and escapes that are not edited stay as they were written (RFC 8259).
 */

/** Deeper nesting is refused: engines parse with recursion and some fail near 200. */
const MAX_DEPTH = 128;
/** Each top-level key costs some hundred bytes for as long as the object is in use. */
const MAX_MEMBERS = 1000;
/** Within one value. A prompt of a million token ids has as many; what has more is there to take our time. */
const MAX_VALUES = 1_200_000;
/** No key that is asked for is as long, even with all its characters escaped. */
const MAX_SPELLING = 256;

export interface Span {
  readonly start: number;
  /** Index behind it. */
  readonly end: number;
}

export interface Member extends Span {
  /** One of the keys asked for, with escapes resolved: `"\u0073tream"` is `stream`. `undefined` for any other. */
  readonly key: string | undefined;
  /** `start` is that of the key's opening quote. */
  readonly valueStart: number;
}

/** Says what is wrong with a text and where, without quoting it. */
export class JsonSyntaxError extends Error {
  constructor(what: string, at: number) {
    super(`${what} at byte ${at}`);
    this.name = "JsonSyntaxError";
  }
}

/**
 * The members of the object that `bytes` is, all of it checked. Throws JsonSyntaxError. Which of `keys`, plain ASCII,
 * a member has is told without making text of its key: that would cost as much as all else here.
 */
export function scanObject(bytes: Buffer, keys: readonly string[]): Member[] {
  return new Scan(bytes, keys, wholly).step(bytes.length) ?? [];
}

/** A text up to this size is gone through in one turn of the event loop, of a larger one as much in a turn. */
export const SLICE_BYTES = 256 * 1024;

/** Where values begin that are in an array or an object of the text, and the index behind each. */
export type Known = ReadonlyMap<number, number>;

/** Like `scanObject`, a slice in a turn; with where larger values end, so that nobody need go through them again. */
export async function scanInSlices(
  bytes: Buffer,
  keys: readonly string[],
): Promise<{ readonly members: Member[]; readonly known: Known }> {
  const known = new Map<number, number>();
  const scan = new Scan(bytes, keys, newNest(known));
  for (;;) {
    const members = scan.step(SLICE_BYTES);
    if (members !== undefined) return { members, known };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Goes through an object step by step. */
export class Scan {
  readonly #bytes: Buffer;
  readonly #keys: readonly string[];
  readonly #nest: Nest;
  readonly #members: Member[] = [];
  #at: number;
  /** Of a member within whose value it has stopped. */
  #member: { readonly start: number; readonly keyEnd: number; readonly valueStart: number } | undefined;

  constructor(bytes: Buffer, keys: readonly string[], nest = newNest()) {
    if (!isUtf8(bytes)) throw new JsonSyntaxError("invalid UTF-8", 0);
    this.#bytes = bytes;
    this.#keys = keys;
    this.#nest = nest;
    const at = skipSpace(bytes, 0);
    if (bytes[at] !== OPEN_BRACE) throw new JsonSyntaxError("expected an object", at);
    this.#at = skipSpace(bytes, at + 1);
  }

  /** Where it is. */
  get at(): number {
    return this.#at;
  }

  /** Goes on for so many bytes, and to the end of the value there; `undefined` when that is not the end. */
  step(most: number): Member[] | undefined {
    const bytes = this.#bytes;
    const members = this.#members;
    const until = this.#at + most;
    let at = this.#at;
    let member = this.#member;
    if (member === undefined && members.length === 0 && bytes[at] === CLOSE_BRACE)
      return endOfText(bytes, at + 1, members);
    for (;;) {
      let end: number;
      if (member === undefined) {
        if (members.length === MAX_MEMBERS) throw new JsonSyntaxError(`more than ${MAX_MEMBERS} keys`, at);
        const keyEnd = skipKey(bytes, at);
        member = { start: at, keyEnd, valueStart: skipColon(bytes, keyEnd) };
        const first = bytes[member.valueStart];
        const isNested = first === OPEN_BRACE || first === OPEN_BRACKET;
        end = isNested
          ? skipNested(bytes, begun(this.#nest, member.valueStart), until)
          : skipScalar(bytes, member.valueStart);
      } else end = skipNested(bytes, this.#nest, until);
      if (end === STOPPED) {
        this.#member = member;
        this.#at = this.#nest.at;
        return undefined;
      }
      const { start, keyEnd, valueStart } = member;
      members.push({ key: keyBetween(bytes, start, keyEnd, this.#keys), start, valueStart, end });
      member = undefined;
      at = skipSpace(bytes, end);
      if (bytes[at] === CLOSE_BRACE) return endOfText(bytes, at + 1, members);
      if (bytes[at] !== COMMA) throw new JsonSyntaxError("expected `,` or `}`", at);
      at = skipSpace(bytes, at + 1);
      if (at > until) {
        this.#member = undefined;
        this.#at = at;
        return undefined;
      }
    }
  }
}

/** Like `scanObject`; `undefined` for what is no JSON object. */
export function scanIfObject(bytes: Buffer, keys: readonly string[]): Member[] | undefined {
  try {
    return scanObject(bytes, keys);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/** The first `most` items of the array that begins at `from` in an object that has been scanned, with what is `known` of it. */
export function scanArray(bytes: Buffer, from: number, most: number, known?: Known): Span[] {
  const items: Span[] = [];
  let at = skipSpace(bytes, from + 1);
  while (bytes[at] !== CLOSE_BRACKET && items.length < most) {
    const end = known?.get(at) ?? valueEnd(bytes, at);
    items.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return items;
}

export const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

/** Strings up to this size are checked whole; longer ones, which are prompts, only for where they end. */
const MAX_CHECKED_STRING = 1024;

/** Up to this size byte by byte is faster than a search. */
const SHORT_STRING = 64;

/** What a byte is within a string. */
const PLAIN = 0;
const CONTROL = 1;
const IN_STRING = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === QUOTE ? QUOTE : byte === BACKSLASH ? BACKSLASH : byte < 0x20 ? CONTROL : PLAIN,
);
/** 1 for what may stand behind a backslash, but for `u`. */
const SIMPLE_ESCAPE = tableOf('"\\/bfnrt');
const HEX_DIGIT = tableOf("0123456789abcdefABCDEF");

function tableOf(ascii: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (ascii.includes(String.fromCharCode(byte)) ? 1 : 0));
}

function endOfText(bytes: Buffer, from: number, members: Member[]): Member[] {
  const at = skipSpace(bytes, from);
  if (at !== bytes.length) throw new JsonSyntaxError("unexpected text behind the object", at);
  return members;
}

/** Which of `keys` it is. From its opening quote to behind its closing one. */
function keyBetween(bytes: Buffer, start: number, end: number, keys: readonly string[]): string | undefined {
  if (end - start > MAX_SPELLING) return undefined;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== BACKSLASH) continue;
    const key: unknown = JSON.parse(bytes.toString("utf8", start, end));
    return keys.find((candidate) => candidate === key);
  }
  for (const key of keys) if (key.length === end - start - 2 && isAt(bytes, start + 1, key)) return key;
  return undefined;
}

/** Whether a member's key is `name`, written without escapes. */
export function isKey(bytes: Buffer, { start }: Member, name: string): boolean {
  return bytes[start + 1 + name.length] === QUOTE && isAt(bytes, start + 1, name);
}

function isAt(bytes: Buffer, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  // One comparison tells that most bytes are none.
  for (let byte = bytes[at]; byte !== undefined && byte <= 0x20; byte = bytes[++at]) {
    if (!isSpace(byte)) break;
  }
  return at;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipKey(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) throw new JsonSyntaxError("expected a key", from);
  return skipString(bytes, from);
}

/** From the end of a key to the start of its value. */
function skipColon(bytes: Buffer, from: number): number {
  const at = skipSpace(bytes, from);
  if (bytes[at] !== COLON) throw new JsonSyntaxError("expected `:`", at);
  return skipSpace(bytes, at + 1);
}

/** Index behind the value that begins at `from`. Throws JsonSyntaxError. */
export function valueEnd(bytes: Buffer, from: number): number {
  const byte = bytes[from];
  return byte === OPEN_BRACE || byte === OPEN_BRACKET
    ? skipNested(bytes, begun(wholly, from), bytes.length)
    : skipScalar(bytes, from);
}

/** How far a value that nests has been gone through. */
interface Nest {
  /** What closes the values that are open, the innermost last. */
  readonly closers: Uint8Array;
  at: number;
  depth: number;
  values: number;
  /** Where larger values end, and where those begin that are open, if that is asked for. */
  readonly known: Map<number, number> | undefined;
  readonly starts: Int32Array;
}

/** Only of values that are no deeper, and no smaller. */
const KNOWN_DEPTH = 4;
const KNOWN_BYTES = 16 * 1024;
const STOPPED = -1;

function newNest(known?: Map<number, number>): Nest {
  const starts = new Int32Array(KNOWN_DEPTH + 1);
  return { closers: new Uint8Array(MAX_DEPTH), at: 0, depth: 0, values: 0, known, starts };
}

/** For what is gone through without a stop: one for all. */
const wholly = newNest();

function begun(nest: Nest, at: number): Nest {
  nest.at = at;
  nest.depth = 0;
  nest.values = 0;
  return nest;
}

/**
 * Goes on within a value that nests, to its end, or STOPPED behind `until`. A loop with its own stack: how deep a text
 * nests must not decide how deep we recurse.
 */
function skipNested(bytes: Buffer, nest: Nest, until: number): number {
  const { closers, known, starts } = nest;
  let { at, depth } = nest;
  let closer = depth === 0 ? 0 : (closers[depth - 1] as number);
  for (let { values } = nest; ; values++) {
    if (values === MAX_VALUES) throw new JsonSyntaxError(`more than ${MAX_VALUES} values in one`, at);
    if (at > until) {
      nest.at = at;
      nest.depth = depth;
      nest.values = values;
      return STOPPED;
    }
    const byte = bytes[at];
    if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) {
      at = skipScalar(bytes, at);
    } else {
      // The top-level object is one level of its own.
      if (depth === MAX_DEPTH - 1) throw new JsonSyntaxError("nested too deep", at);
      const inside = skipSpace(bytes, at + 1);
      // In ASCII `}` and `]` stand two behind `{` and `[`.
      if (bytes[inside] === byte + 2 && depth > 0) {
        at = inside + 1;
      } else if (bytes[inside] === byte + 2) {
        return inside + 1;
      } else {
        if (known !== undefined && depth <= KNOWN_DEPTH) starts[depth] = at;
        closer = byte + 2;
        closers[depth++] = closer;
        at = closer === CLOSE_BRACE ? skipColon(bytes, skipKey(bytes, inside)) : inside;
        continue;
      }
    }
    at = skipSpace(bytes, at);
    while (bytes[at] === closer) {
      if (--depth === 0) return at + 1;
      if (known !== undefined && depth <= KNOWN_DEPTH) note(known, starts[depth] ?? 0, at + 1);
      closer = closers[depth - 1] as number;
      at = skipSpace(bytes, at + 1);
    }
    if (bytes[at] !== COMMA)
      throw new JsonSyntaxError(`expected \`,\` or \`${String.fromCharCode(closer)}\``, at);
    at = skipSpace(bytes, at + 1);
    if (closer === CLOSE_BRACE) at = skipColon(bytes, skipKey(bytes, at));
  }
}

function note(known: Map<number, number>, start: number, end: number): void {
  if (end - start > KNOWN_BYTES) known.set(start, end);
}

function skipScalar(bytes: Buffer, from: number): number {
  const byte = bytes[from];
  if (byte === QUOTE) return skipString(bytes, from);
  if (byte === MINUS || isDigit(byte)) return skipNumber(bytes, from);
  const word = byte === 0x74 ? "true" : byte === 0x66 ? "false" : "null";
  if (isAt(bytes, from, word)) return from + word.length;
  throw new JsonSyntaxError(byte === undefined ? "unexpected end" : "expected a value", from);
}

/** To behind the closing quote of the string that begins at `from`. */
function skipString(bytes: Buffer, from: number): number {
  const shortEnd = Math.min(bytes.length, from + SHORT_STRING);
  const at = skipChecked(bytes, from + 1, shortEnd);
  if (at < shortEnd) return at + 1;
  const quote = bytes.indexOf(QUOTE, at);
  const end = bytes[quote - 1] === BACKSLASH ? stringEnd(bytes, at) : quote;
  if (end === -1) throw new JsonSyntaxError("unexpected end", bytes.length);
  // What is wrong with the characters of a long string is left to the engine: none of them can move its end.
  if (end - from <= MAX_CHECKED_STRING) skipChecked(bytes, at, end);
  return end + 1;
}

/** From within a string to its closing quote, or to `end` or behind it. */
function skipChecked(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const kind = IN_STRING[bytes[at] as number];
    if (kind === PLAIN) at++;
    else if (kind === BACKSLASH) at = skipEscape(bytes, at);
    else if (kind === QUOTE) return at;
    else throw new JsonSyntaxError("control character in a string", at);
  }
  return at;
}

function skipEscape(bytes: Buffer, from: number): number {
  const byte = bytes[from + 1] ?? 0;
  if (SIMPLE_ESCAPE[byte] === 1) return from + 2;
  if (byte !== 0x75) throw new JsonSyntaxError("invalid escape", from);
  for (let at = from + 2; at < from + 6; at++) {
    if (HEX_DIGIT[bytes[at] ?? 0] !== 1) throw new JsonSyntaxError("invalid escape", from);
  }
  return from + 6;
}

function skipNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at);
  const byte = bytes[at];
  // Nearly every number ends here, before a comma.
  if (byte === COMMA) return at;
  if (byte === DOT) at = skipDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++;
    if (bytes[at] === MINUS || bytes[at] === 0x2b) at++;
    at = skipDigits(bytes, at);
  }
  return at;
}

function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  if (at === from) throw new JsonSyntaxError("invalid number", at);
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}
