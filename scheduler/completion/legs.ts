import type { Handoff } from "../config/config.ts";
import type { Piece } from "../data/pieces.ts";
import { Failure } from "../errors.ts";
import { type Edit, editObject } from "../json/edit.ts";
import { JsonSyntaxError, type Member, scanIfObject, scanObject } from "../json/spans.ts";

/** A client's completion request, read as far as the scheduler needs to. */
export interface Call {
  /** Empty once it is not needed any more. */
  body: Buffer;
  readonly members: readonly Member[];
}

const KV_PARAMS = "kv_transfer_params";

/** Asks a prefill instance to keep the KV cache for a decode instance and to say where it is. */
const PREFILL_KV_PARAMS =
  '{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,' +
  '"remote_block_ids":null,"remote_host":null,"remote_port":null}';

/** Parsers disagree on which of two equal keys counts, so these may stand only once. */
const READ_OR_EDITED = [
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "min_tokens",
  KV_PARAMS,
];

/** What of an unknown model's name is repeated. */
const MAX_NAME_LENGTH = 200;

/** Throws a Failure (400) unless `body` is a JSON object that both legs can be made of. */
export function readCall(body: Buffer): Call {
  const members = scan(body);
  const seen: string[] = [];
  for (const { key } of members) {
    if (key === undefined) continue;
    if (seen.includes(key))
      throw new Failure("duplicate_key", { message: `The body has the key \`${key}\` twice` });
    seen.push(key);
  }
  return { body, members };
}

function scan(body: Buffer): Member[] {
  try {
    return scanObject(body, READ_OR_EDITED);
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

const prefillEdits = (kvParams: string | undefined): readonly Edit[] => [
  { key: KV_PARAMS, value: kvParams },
  { key: "max_tokens", value: "1" },
  { key: "stream", value: "false" },
  { key: "stream_options", value: undefined },
  { key: "min_tokens", value: undefined },
];
const PREFILL_EDITS = { "kv-params": prefillEdits(PREFILL_KV_PARAMS), plain: prefillEdits(undefined) };
/** Not for every engine, so only where the client has it. */
const MAX_COMPLETION_EDIT: Edit = { key: "max_completion_tokens", value: "1" };

/** The prefill leg: one token, in one answer, the KV cache kept. */
export function prefillBody({ body, members }: Call, handoff: Handoff): Piece[] {
  const edits = PREFILL_EDITS[handoff];
  const isThere = members.some(({ key }) => key === MAX_COMPLETION_EDIT.key);
  return editObject(body, members, isThere ? [...edits, MAX_COMPLETION_EDIT] : edits);
}

/** The decode leg: the client's request with what prefill said; without parameters decode recomputes. */
export function decodeBody({ body, members }: Call, kvParams: string | undefined): Piece[] {
  return editObject(body, members, [{ key: KV_PARAMS, value: kvParams }]);
}

/** Prefill's KV parameters as it wrote them, in latin1; `undefined` when it gave none. Throws a Failure (502). */
export function takeKvParams(answer: Buffer): string | undefined {
  const found = scanIfObject(answer, [KV_PARAMS])?.filter(({ key }) => key === KV_PARAMS);
  if (found === undefined || found.length > 1) {
    throw new Failure("prefill_failed", {
      detail: "its answer is not one JSON object with one kv_transfer_params",
    });
  }
  const [member] = found;
  const params = member && answer.toString("latin1", member.valueStart, member.end);
  return params === undefined || /^(?:null|\{\s*\})$/.test(params) ? undefined : params;
}

/** An engine's JSON object as the client may see it; `undefined` when it is none. */
export function withoutKvParams(answer: Buffer): Piece[] | undefined {
  const members = scanIfObject(answer, [KV_PARAMS]);
  if (members?.some(({ key }) => key === KV_PARAMS) !== true) return members && [answer];
  return editObject(answer, members, [{ key: KV_PARAMS, value: undefined }]);
}

/** As it is written. `bytes` has been found to be UTF-8, so nothing is lost on the way to text and back. */
function valueAt(bytes: Buffer, members: readonly Member[], key: string): string | undefined {
  const member = members.find((candidate) => candidate.key === key);
  return member && bytes.toString("utf8", member.valueStart, member.end);
}
