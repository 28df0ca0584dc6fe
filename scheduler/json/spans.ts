import { isUtf8 } from "node:buffer";

/**
 * Reads the top level of a JSON object as bytes, for those who edit it. Nothing is turned into values and back, so number
 * literals, key order, white space and escapes that are not edited stay as they were written (RFC 8259).
 */

/** Deeper nesting is refused: engines parse with recursion and some fail near 200. */
const MAX_DEPTH = 128;
/** Each top-level key costs some hundred bytes for as long as the object is in use. */
const MAX_MEMBERS = 1000;

export interface Member {
  /** One of the keys asked for, with escapes resolved: `"\u0073tream"` is `stream`. `undefined` for any other. */
  readonly key: string | undefined;
  /** Index of the key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** Index behind the value; also the end of the member. */
  readonly end: number;
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
  if (!isUtf8(bytes)) throw new JsonSyntaxError("invalid UTF-8", 0);
  const members: Member[] = [];
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) throw new JsonSyntaxError("expected an object", at);
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_BRACE) return endOfText(bytes, at + 1, members);
  for (;;) {
    if (members.length === MAX_MEMBERS) throw new JsonSyntaxError(`more than ${MAX_MEMBERS} keys`, at);
    const start = at;
    const keyEnd = skipKey(bytes, start);
    const valueStart = skipColon(bytes, keyEnd);
    const end = skipValue(bytes, valueStart);
    members.push({ key: keyBetween(bytes, start, keyEnd, keys), start, valueStart, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACE) return endOfText(bytes, at + 1, members);
    if (bytes[at] !== COMMA) throw new JsonSyntaxError("expected `,` or `}`", at);
    at = skipSpace(bytes, at + 1);
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

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** 1 for bytes that end the plain part of a string: the quote, the backslash, control characters. */
const STRING_STOP = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? 1 : 0,
);
const SHORT_STRING = 32;
/** A byte times this stands in every byte of a word. */
const ONES = 0x01010101;
const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

function endOfText(bytes: Buffer, from: number, members: Member[]): Member[] {
  const at = skipSpace(bytes, from);
  if (at !== bytes.length) throw new JsonSyntaxError("unexpected text behind the object", at);
  return members;
}

/** Which of `keys` it is. From its opening quote to behind its closing one. */
function keyBetween(bytes: Buffer, start: number, end: number, keys: readonly string[]): string | undefined {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== BACKSLASH) continue;
    const key: unknown = JSON.parse(bytes.toString("utf8", start, end));
    return keys.find((candidate) => candidate === key);
  }
  for (const key of keys) if (key.length === end - start - 2 && isAt(bytes, start + 1, key)) return key;
  return undefined;
}

function isAt(bytes: Buffer, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isSpace(bytes[at] as number)) at++;
  return at;
}

/** One comparison tells that most bytes are none. */
function isSpace(byte: number): boolean {
  return byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
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

function skipValue(bytes: Buffer, from: number): number {
  const byte = bytes[from];
  return byte === OPEN_BRACE || byte === OPEN_BRACKET ? skipNested(bytes, from) : skipScalar(bytes, from);
}

/** What closes the values that are open, the innermost last. One for all, as nothing is awaited in between. */
const closers = new Uint8Array(MAX_DEPTH);

/** A loop with its own stack: how deep a text nests must not decide how deep we recurse. */
function skipNested(bytes: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      // The top-level object is one level of its own.
      if (depth >= MAX_DEPTH - 1) throw new JsonSyntaxError("nested too deep", at);
      const closer = byte + 2; // In ASCII `}` and `]` stand two behind `{` and `[`.
      const inside = skipSpace(bytes, at + 1);
      if (bytes[inside] === closer) {
        at = inside + 1;
      } else {
        closers[depth++] = closer;
        at = closer === CLOSE_BRACE ? skipColon(bytes, skipKey(bytes, inside)) : inside;
        continue;
      }
    } else {
      at = skipScalar(bytes, at);
    }
    for (;;) {
      if (depth === 0) return at;
      const closer = closers[depth - 1];
      at = skipSpace(bytes, at);
      if (bytes[at] === closer) {
        depth--;
        at++;
      } else if (bytes[at] === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (closer === CLOSE_BRACE) at = skipColon(bytes, skipKey(bytes, at));
        break;
      } else {
        throw new JsonSyntaxError(
          closer === CLOSE_BRACKET ? "expected `,` or `]`" : "expected `,` or `}`",
          at,
        );
      }
    }
  }
}

function skipScalar(bytes: Buffer, from: number): number {
  const byte = bytes[from];
  if (byte === QUOTE) return skipString(bytes, from);
  if (byte === MINUS || isDigit(byte)) return skipNumber(bytes, from);
  const word = byte === 0x74 ? "true" : byte === 0x66 ? "false" : "null";
  if (isAt(bytes, from, word)) return from + word.length;
  throw new JsonSyntaxError(byte === undefined ? "unexpected end" : "expected a value", from);
}

function skipString(bytes: Buffer, from: number): number {
  let at = from + 1;
  for (;;) {
    at = skipPlain(bytes, at);
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined) throw new JsonSyntaxError("unexpected end", at);
    if (byte !== BACKSLASH) throw new JsonSyntaxError("control character in a string", at);
    at = skipEscape(bytes, at);
  }
}

/** Short strings are read byte by byte, long ones (prompts) four bytes at a time. */
function skipPlain(bytes: Buffer, from: number): number {
  let at = from;
  while (STRING_STOP[bytes[at] ?? 0] === 0) {
    if (++at - from === SHORT_STRING) at = skipPlainWords(bytes, at);
  }
  return at;
}

/** Stops at most three bytes before the first byte that ends the plain part, or at the end. */
function skipPlainWords(bytes: Buffer, from: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = from;
  while (at + 4 <= bytes.length) {
    const word = view.getInt32(at, true);
    const quote = word ^ (QUOTE * ONES);
    const backslash = word ^ (BACKSLASH * ONES);
    // Subtracting n from every byte sets its top bit where it was less than n, if that bit was not set before.
    const stops =
      ((word - 0x20 * ONES) & ~word) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash);
    if ((stops & (0x80 * ONES)) !== 0) break;
    at += 4;
  }
  return at;
}

function skipEscape(bytes: Buffer, from: number): number {
  const byte = bytes[from + 1];
  if (byte !== undefined && SIMPLE_ESCAPES.has(byte)) return from + 2;
  const digits = bytes.toString("latin1", from + 2, from + 6);
  if (byte === 0x75 && /^[0-9A-Fa-f]{4}$/.test(digits)) return from + 6;
  throw new JsonSyntaxError("invalid escape", from);
}

function skipNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at);
  if (bytes[at] === DOT) at = skipDigits(bytes, at + 1);
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
