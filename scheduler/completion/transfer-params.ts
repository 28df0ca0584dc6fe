import { KV_PARAMS } from "../config/handoffs.ts";
import { Failure } from "../errors.ts";
import { isSpace, JsonSyntaxError, valueEnd } from "../json/spans.ts";
import { EC_PARAMS } from "./call.ts";

/**
 * Stands in all JSON that `withoutTransferParams` changes: `\u005` to `\u007` are in each escaped spelling of these letters,
 * and nothing writes letters so. vLLM 0.33 writes `null` for the parameters into every chunk; that tells nothing and stays.
 */
export const PARAMS_MARK = /_transfer_params(?!":null)|\\u00[5-7]/;

/**
 * A key of such parameters in any spelling, up to its value. In JSON a quote that no backslash precedes, with these
 * letters behind it, can only begin a string, and the colon tells that it is a key: what is around need not be read.
 */
const NAME = namePattern([KV_PARAMS, EC_PARAMS]);
const KEY = new RegExp(`${NAME}[ \\t\\r\\n]*:[ \\t\\r\\n]*`, "g");
const ANY_NAME = new RegExp(NAME);

/** Such a key is no longer, with all its letters escaped and `:null` behind it. */
export const MAX_PARAMS_KEY = 128;

/** Where such a key, or a text that is the same, stands first; -1 without one. */
export function paramsKeyAt(bytes: Buffer): number {
  return ANY_NAME.exec(bytes.toString("latin1"))?.index ?? -1;
}

/**
 * JSON of an engine without parameters of KV and encoder caches, at whatever depth: they tell addresses. `bytes` itself
 * when there are none. Throws a Failure when nobody can tell where they end.
 */
export function withoutTransferParams(bytes: Buffer): Buffer {
  const cuts: Cut[] = [];
  for (const { 0: key, index } of bytes.toString("latin1").matchAll(KEY)) {
    const last = cuts.at(-1);
    if (last !== undefined && index < last.end) continue;
    // Side by side they are one cut, so that its comma is found.
    if (last?.end === index) cuts.pop();
    const start = last?.end === index ? last.start : index;
    cuts.push(withComma(bytes, { start, end: endOfValue(bytes, index + key.length) }));
  }
  if (cuts.length === 0) return bytes;
  const starts = [0, ...cuts.map(({ end }) => end)];
  return Buffer.concat(starts.map((start, i) => bytes.subarray(start, cuts[i]?.start ?? bytes.length)));
}

interface Cut {
  readonly start: number;
  readonly end: number;
}

/** One comma goes with a member: the one behind it, or before it where none follows. */
function withComma(bytes: Buffer, { start, end }: Cut): Cut {
  const behind = spaceEnd(bytes, end);
  if (bytes[behind] === COMMA) return { start, end: spaceEnd(bytes, behind + 1) };
  const before = spaceStart(bytes, start) - 1;
  return { start: bytes[before] === COMMA ? spaceStart(bytes, before) : start, end };
}

const COMMA = 0x2c;

function spaceEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

function spaceStart(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at - 1])) at--;
  return at;
}

function endOfValue(bytes: Buffer, from: number): number {
  try {
    return valueEnd(bytes, from);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new Failure("decode_failed", {
      detail: `parameters of a transfer in its answer: ${error.message}`,
    });
  }
}

function namePattern(keys: readonly string[]): string {
  const spelled = keys.map((key) => key.replace(/./g, spellings)).join("|");
  return `(?<!\\\\)"(?!(?:${keys.join("|")})":null)(?:${spelled})"`;
}

/** A character as itself or escaped: `k` and `\u006b`, with digits of either case. */
function spellings(character: string): string {
  const code = character
    .charCodeAt(0)
    .toString(16)
    .replace(/[a-f]/, (digit) => `[${digit}${digit.toUpperCase()}]`);
  return `(?:${character}|\\\\u00${code})`;
}
