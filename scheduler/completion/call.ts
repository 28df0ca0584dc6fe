import { HANDOFFS, type Handoff, KV_PARAMS, type Unfit } from "../config/handoffs.ts";
import type { Hold } from "../data/budget.ts";
import { Failure } from "../errors.ts";
import {
  JsonSyntaxError,
  type Known,
  type Member,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SLICE_BYTES,
  scanIfObject,
  scanInSlices,
  scanObject,
} from "../json/spans.ts";

/** A client's completion request, read as far as the scheduler needs to. */
export interface Call {
  /** Empty once it is not needed any more. */
  body: Buffer;
  readonly members: readonly Member[];
  /** Where values of a large body end. */
  readonly known?: Known | undefined;
  /** What the body takes of the memory for its client, where none but this call has it. */
  held?: Held | undefined;
}

interface Held {
  readonly hold: Hold;
  readonly bytes: number;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Its body is not needed any more. */
export function release(call: Call): void {
  call.body = NOTHING;
  call.held?.hold.move(-call.held.bytes);
  call.held = undefined;
}

/** Of an encoder's cache: the same thing for pictures. */
export const EC_PARAMS = "ec_transfer_params";
/** What stands in these reaches an engine's connector as if it stood at the top level. */
const PASSED_ON = ["vllm_xargs", "extra_args"];

/** Parsers disagree on which of two equal keys counts, so these may stand only once. */
export const READ_OR_EDITED = [
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "min_tokens",
  "prompt",
  "prompt_embeds",
  "n",
  "best_of",
  "seed",
  "temperature",
  "use_beam_search",
  "tool_choice",
  "return_token_ids",
  KV_PARAMS,
  EC_PARAMS,
  ...PASSED_ON,
];

/** With what only some connectors cannot do. */
const READ_WITH_UNFIT = [
  ...READ_OR_EDITED,
  ...new Set(Object.values(HANDOFFS).flatMap(({ unfit }: Handoff) => unfit.flatMap(({ keys }) => keys))),
];

/** What of an unknown model's name is repeated. */
const MAX_NAME_LENGTH = 200;
/** A longer value is no number and no word that anything here asks for. */
const MAX_SCALAR_BYTES = 64;
/** A longer name is none that is served, and a scan has not seen what is wrong in it. */
export const MAX_NAME_BYTES = 1000;

/**
 * Throws a Failure (400) unless `body` is a JSON object that both legs can be made of. `unfit`: see `checkFit`; `more`: what
 * else is read or edited. A large one is read in several turns of the event loop.
 */
export function readCall(
  body: Buffer,
  unfit: readonly Unfit[],
  more: readonly string[] = [],
): Call | Promise<Call> {
  const all = unfit.length === 0 ? READ_OR_EDITED : READ_WITH_UNFIT;
  const keys = more.length === 0 ? all : [...all, ...more];
  if (body.length <= SLICE_BYTES)
    return checked({ body, members: scan(body, keys), known: undefined, held: undefined });
  return scanInSlices(body, keys).then((found) => checked({ body, ...found, held: undefined }), refuse);
}

function checked(call: Call): Call {
  const seen: string[] = [];
  for (const { key } of call.members) {
    if (key === undefined) continue;
    if (seen.includes(key))
      throw new Failure("duplicate_key", { message: `The body has the key \`${key}\` twice` });
    seen.push(key);
  }
  if (seen.includes(EC_PARAMS)) throw foreignParams(EC_PARAMS);
  for (const name of PASSED_ON) if (seen.includes(name)) checkPassedOn(call, name);
  return call;
}

/** The members of a body. Throws a Failure (400) for what is no JSON object. */
export function scan(body: Buffer, keys: readonly string[]): Member[] {
  try {
    return scanObject(body, keys);
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (!(error instanceof JsonSyntaxError)) throw error;
  throw new Failure("invalid_json", { message: `The body is not a JSON object: ${error.message}` });
}

/** Throws a Failure (400) where a client says itself which KV cache to read: it can be anybody's. */
function checkPassedOn(call: Call, name: string): void {
  const member = memberOf(call, name);
  if (member === undefined || call.body[member.valueStart] !== OPEN_BRACE) return;
  // It is gone through once more, in one turn.
  if (member.end - member.valueStart > SLICE_BYTES) throw invalid(name, "is too large");
  const value = call.body.subarray(member.valueStart, member.end);
  const inside = scanIfObject(value, [KV_PARAMS, EC_PARAMS]);
  if (inside === undefined) throw invalid(name, "has too many keys");
  for (const { key } of inside) if (key !== undefined) throw foreignParams(`${name}.${key}`);
}

export function foreignParams(param: string): Failure {
  return invalid(param, "is for the scheduler alone to give to an engine");
}

/** Throws a Failure (400) for what one of `unfit` is. */
export function checkFit(call: Call, unfit: readonly Unfit[], isChat: boolean): void {
  const isAsked = (key: string) => !["false", "null"].includes(scalarOf(call, key) ?? "null");
  const found = unfit.find(({ keys, inChat }) => (isChat || !inChat) && keys.every(isAsked));
  if (found === undefined) return;
  const [param, ...others] = found.keys;
  const beside = others.length === 0 ? "" : `with \`${others.join("`, `")}\` `;
  throw invalid(param, `${beside}cannot be asked for here: ${found.reason}`);
}

/** Throws a Failure (400, 404) for another model than is served. No name means the one that there is, as in vLLM. */
export function checkModel(call: Call, servedModels: readonly string[]): void {
  const member = servedModels.length === 0 ? undefined : memberOf(call, "model");
  if (member === undefined) return;
  const { valueStart, end } = member;
  if (call.body[valueStart] !== QUOTE) {
    if (textOf(call, member) === "null") return;
    throw invalid("model", "must be a string");
  }
  const isShort = end - valueStart <= MAX_NAME_BYTES;
  const cut = isShort ? undefined : call.body.toString("utf8", valueStart + 1, valueStart + MAX_NAME_LENGTH);
  const model = cut ?? String(JSON.parse(textOf(call, member)));
  if (cut === undefined && (model === "" || servedModels.includes(model))) return;
  throw noSuchModel(model);
}

export function noSuchModel(name: string): Failure {
  const message = `The model \`${name.slice(0, MAX_NAME_LENGTH)}\` does not exist.`;
  return new Failure("model_not_found", { message, param: "model" });
}

/** `stream`, as the OpenAI API has it. Throws a Failure (400). */
export function readStream(call: Call): boolean {
  return readFlag(call, "stream");
}

/** A member that is true, or false, null or not there. Throws a Failure (400) for anything else. */
export function readFlag(call: Call, key: string): boolean {
  const text = scalarOf(call, key) ?? "false";
  if (text === "true") return true;
  if (text === "false" || text === "null") return false;
  throw invalid(key, "must be true or false");
}

/** `stream`, as Python reads it where nothing checks its type: `"False"` is true. Throws a Failure (400). */
export function readTruthyStream(call: Call): boolean {
  const member = memberOf(call, "stream");
  if (member === undefined) return false;
  const first = call.body[member.valueStart];
  if (first === OPEN_BRACE || first === OPEN_BRACKET) throw invalid("stream", "must be true or false");
  if (first === QUOTE) return member.end - member.valueStart > 2;
  const text = scalarOf(call, "stream");
  if (text === undefined) throw invalid("stream", "must be true or false");
  return Boolean(JSON.parse(text));
}

export function memberOf({ members }: Call, key: string): Member | undefined {
  for (const member of members) if (member.key === key) return member;
  return undefined;
}

/** A value as it is written. The body has been found to be UTF-8, so nothing is lost on the way to text and back. */
export function textOf({ body }: Call, { valueStart, end }: Member): string {
  return body.toString("utf8", valueStart, end);
}

/** A member's value as it is written. Throws a Failure (400) when it is longer than any that is asked for. */
export function scalarOf(call: Call, key: string): string | undefined {
  const member = memberOf(call, key);
  if (member === undefined) return undefined;
  if (member.end - member.valueStart > MAX_SCALAR_BYTES)
    throw invalid(key, "is not a value that it can have");
  return textOf(call, member);
}

/** What is wrong with the value of a key. */
export function invalid(param: string, what: string): Failure {
  return new Failure("invalid_value", { message: `\`${param}\` ${what}`, param });
}
