import { Failure } from "./errors.ts";
import { editObject, JsonSyntaxError, type Member, scanIfObject, scanObject } from "./json-spans.ts";

/** A client's completion request, read as far as the scheduler needs to. */
export interface Call {
  /** Empty once it is not needed any more. */
  body: Buffer;
  readonly members: readonly Member[];
}

/**
 * How decode learns where the KV cache is: from `kv_transfer_params` that prefill answers and decode is given, or
 * by itself, from the prompt.
 */
export type Handoff = "kv-params" | "plain";

const KV_PARAMS = "kv_transfer_params";

/** Asks a prefill instance to keep the KV cache for a decode instance and to say where it is. */
const PREFILL_KV_PARAMS =
  '{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,' +
  '"remote_block_ids":null,"remote_host":null,"remote_port":null}';

/** Parsers disagree on which of two equal keys counts, so these may stand only once. */
const READ_OR_EDITED = new Set([
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "min_tokens",
  KV_PARAMS,
]);

/** What of an unknown model's name is repeated. */
const MAX_NAME_LENGTH = 200;

/** Throws a Failure (400) unless `body` is a JSON object that both legs can be made of. */
export function readCall(body: Buffer): Call {
  const members = scan(body);
  const seen = new Set<string>();
  for (const { key } of members) {
    if (seen.has(key))
      throw new Failure("duplicate_key", { message: `The body has the key \`${key}\` twice` });
    if (READ_OR_EDITED.has(key)) seen.add(key);
  }
  return { body, members };
}

function scan(body: Buffer): Member[] {
  try {
    return scanObject(body);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new Failure("invalid_json", { message: `The body is not a JSON object: ${error.message}` });
  }
}

/** Throws a Failure (400, 404) for another model than is served. No name means the one that there is, as in vLLM. */
export function checkModel({ body, members }: Call, servedModels: readonly string[]): void {
  const text = servedModels.length === 0 ? undefined : valueAt(body, members, "model");
  if (text === undefined) return;
  const model: unknown = JSON.parse(text);
  if (model === null || model === "" || servedModels.some((name) => name === model)) return;
  if (typeof model !== "string")
    throw new Failure("invalid_value", { message: "`model` must be a string", param: "model" });
  const message = `The model \`${model.slice(0, MAX_NAME_LENGTH)}\` does not exist.`;
  throw new Failure("model_not_found", { message, param: "model" });
}

/** `stream`, as the OpenAI API has it. Throws a Failure (400). */
export function readStream({ body, members }: Call): boolean {
  const text = valueAt(body, members, "stream") ?? "false";
  if (text === "true") return true;
  if (text === "false" || text === "null") return false;
  throw new Failure("invalid_value", { message: "`stream` must be true or false" });
}

/** `stream`, as Python reads it where nothing checks its type: `"False"` is true. Throws a Failure (400). */
export function readTruthyStream({ body, members }: Call): boolean {
  const text = valueAt(body, members, "stream") ?? "false";
  if (!/^[[{]/.test(text)) return Boolean(JSON.parse(text));
  throw new Failure("invalid_value", { message: "`stream` must be true or false" });
}

/** The prefill leg: one token, in one answer, the KV cache kept. */
export function prefillBody({ body, members }: Call, handoff: Handoff): Buffer[] {
  const edits = new Map<string, string | undefined>([
    [KV_PARAMS, handoff === "plain" ? undefined : PREFILL_KV_PARAMS],
    ["max_tokens", "1"],
    ["stream", "false"],
    ["stream_options", undefined],
    ["min_tokens", undefined],
  ]);
  if (members.some(({ key }) => key === "max_completion_tokens")) edits.set("max_completion_tokens", "1");
  return editObject(body, members, edits);
}

/** The decode leg: the client's request with what prefill said; without parameters decode recomputes. */
export function decodeBody({ body, members }: Call, kvParams: string | undefined): Buffer[] {
  return editObject(body, members, new Map([[KV_PARAMS, kvParams]]));
}

/** Prefill's KV parameters as it wrote them; `undefined` when it gave none. Throws a Failure (502). */
export function takeKvParams(answer: Buffer): string | undefined {
  const members = scanIfObject(answer);
  const found = members?.filter(({ key }) => key === KV_PARAMS);
  if (members === undefined || found === undefined || found.length > 1) {
    throw new Failure("prefill_failed", {
      detail: "its answer is not one JSON object with one kv_transfer_params",
    });
  }
  const params = valueAt(answer, members, KV_PARAMS);
  return params === undefined || /^(?:null|\{\s*\})$/.test(params) ? undefined : params;
}

/** An engine's JSON object as the client may see it; `undefined` when it is none. */
export function withoutKvParams(answer: Buffer): Buffer[] | undefined {
  const members = scanIfObject(answer);
  if (members?.some(({ key }) => key === KV_PARAMS) !== true) return members && [answer];
  return editObject(answer, members, new Map([[KV_PARAMS, undefined]]));
}

/** As it is written. `bytes` has been found to be UTF-8, so nothing is lost on the way to text and back. */
function valueAt(bytes: Buffer, members: readonly Member[], key: string): string | undefined {
  const member = members.find((candidate) => candidate.key === key);
  return member && bytes.toString("utf8", member.valueStart, member.end);
}
