import { type Handoff, HISTORY, KV_PARAMS } from "../config/handoffs.ts";
import type { Piece } from "../data/pieces.ts";
import { ERROR_KEYS, failureFromAnswer } from "../engine/refusal.ts";
import { Failure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import { type Edit, editObject } from "../json/edit.ts";
import {
  JsonSyntaxError,
  type Member,
  OPEN_BRACKET,
  SLICE_BYTES,
  scanIfObject,
  scanInSlices,
} from "../json/spans.ts";
import { type Call, memberOf, textOf } from "./call.ts";
import type { Sequence } from "./sequences.ts";
import { withoutTransferParams } from "./transfer-params.ts";

/** The prefill leg: one token, in one answer, the KV cache kept. What the sequence has of its own counts. */
export function prefillBody(
  call: Call,
  { prefill, prefillIfThere }: Handoff,
  { edits: own, history }: Sequence,
): Piece[] {
  let edits: readonly Edit[] = own.length === 0 ? prefill : [...own, ...prefill];
  if (history !== undefined) edits = edits.map((edit) => behind(edit, history));
  for (const edit of prefillIfThere) {
    const member = memberOf(call, edit.key);
    if (member === undefined || edit.unless?.includes(textOf(call, member))) continue;
    edits = [...edits, edit];
  }
  return editObject(call.body, call.members, edits);
}

/** Has prefill say which tokens it has made of a chat. */
export const TELL_TOKENS: Edit = { key: "return_token_ids", value: "true" };

/** The decode leg: the client's request with what prefill said; without parameters decode recomputes. */
export function decodeBody(
  { body, members }: Call,
  kvParams: string | undefined,
  { decodeEdits: own, history }: Sequence,
  tokens?: string,
): Piece[] {
  const value =
    tokens !== undefined && kvParams?.startsWith("{")
      ? `{"${TOKENS}":${tokens},${kvParams.slice(1)}`
      : kvParams;
  const params = { key: KV_PARAMS, value };
  const edit = history === undefined ? params : behind(params, history);
  return editObject(body, members, own.length === 0 ? [edit] : [edit, ...own]);
}

/** Where the edit is that of parameters: with the tokens that an answer goes on from. */
function behind(edit: Edit, history: string): Edit {
  const { key, value = "{}" } = edit;
  if (key !== KV_PARAMS) return edit;
  const others = /^\{\s*\}$/.test(value) ? "}" : `,${value.slice(1)}`;
  return { key, value: `{"${HISTORY}":[${history}]${others}` };
}

/**
 * What decode rejects when it has seen whose KV cache it is for, and so has prefill free that: no answer has fewer tokens
 * than none. What it would reject before frees nothing, as a wrong model or an empty prompt.
 */
export function rejectedBody(model: string | undefined, kvParams: string): Piece[] {
  const rest = JSON.stringify({ model, prompt: [1], max_tokens: -1 }).slice(1);
  return [`{"${KV_PARAMS}":${kvParams},`, Buffer.from(rest)];
}

const TOKENS = "prompt_token_ids";
const ANSWER_KEYS = [KV_PARAMS, TOKENS, ...ERROR_KEYS];

/** Where the keys of answers stand in one of prefill, a large one read in several turns; `undefined` in no JSON object. */
export function answerMembers(
  answer: Buffer,
): readonly Member[] | undefined | Promise<readonly Member[] | undefined> {
  return answer.length <= SLICE_BYTES ? scanIfObject(answer, ANSWER_KEYS) : membersInSlices(answer);
}

async function membersInSlices(answer: Buffer): Promise<readonly Member[] | undefined> {
  try {
    return (await scanInSlices(answer, ANSWER_KEYS)).members;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/**
 * Prefill's KV parameters as it wrote them, in latin1; `undefined` when it gave none, or none are looked for. Throws a
 * Failure (502, or the engine's own) for what is no answer.
 */
export function takeKvParams(
  instance: Instance,
  answer: Buffer,
  members: readonly Member[] | undefined,
  { byParams }: Handoff,
): string | undefined {
  const failure = failureFromAnswer(instance, answer, members);
  if (failure !== undefined) throw failure;
  if (members === undefined) throw new Failure("prefill_failed", { detail: "its answer is no JSON object" });
  if (!byParams) return undefined;
  const found = members.filter(({ key }) => key === KV_PARAMS);
  if (found.length > 1)
    throw new Failure("prefill_failed", { detail: "its answer has kv_transfer_params twice" });
  const [member] = found;
  const params = member && answer.toString("latin1", member.valueStart, member.end);
  return params === undefined || /^(?:null|\{\s*\})$/.test(params) ? undefined : params;
}

/** The token ids of a chat's prompt in prefill's answer, as it wrote them; `undefined` where there are none. */
export function takeTokens(answer: Buffer, members: readonly Member[] | undefined): string | undefined {
  const found = members?.filter(({ key }) => key === TOKENS) ?? [];
  const [member] = found;
  if (member === undefined || found.length > 1 || answer[member.valueStart] !== OPEN_BRACKET)
    return undefined;
  return answer.toString("latin1", member.valueStart, member.end);
}

/** Where in an answer of status 200 that is no error the keys of answers stand; `undefined` when it is no JSON object. */
export function readAnswer(instance: Instance, answer: Buffer): Member[] | undefined {
  const members = scanIfObject(answer, ANSWER_KEYS);
  const failure = failureFromAnswer(instance, answer, members);
  if (failure !== undefined) throw failure;
  return members;
}

/** An engine's answer as the client may see it. Throws a Failure (502, or the engine's own) for what is none. */
export function clientsAnswer(instance: Instance, answer: Buffer): Piece[] {
  const bare = withoutTransferParams(answer);
  const clean = withoutKvParams(bare, readAnswer(instance, bare));
  if (clean === undefined)
    throw new Failure(`${instance.role}_failed`, { detail: "its answer is no JSON object" });
  return clean;
}

/** A JSON object of an engine without them, also `null`, by what a scan of it has found; `undefined` when it is none. */
function withoutKvParams(answer: Buffer, members: readonly Member[] | undefined): Piece[] | undefined {
  if (members?.some(({ key }) => key === KV_PARAMS) !== true) return members && [answer];
  return editObject(answer, members, [{ key: KV_PARAMS, value: undefined }]);
}
