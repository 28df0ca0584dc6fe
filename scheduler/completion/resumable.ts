import { joined } from "../data/pieces.ts";
import { type Edit, editObject } from "../json/edit.ts";
import { OPEN_BRACKET, QUOTE, scanArray } from "../json/spans.ts";
import { type Call, memberOf, READ_OR_EDITED, scan, textOf } from "./call.ts";
import type { History } from "./history.ts";
import type { Sequence, Shape } from "./sequences.ts";

/*
 * What of a request an engine that goes on with an answer does as if it had made it from the start, and what not.
 */

export const RETURN_IDS = "return_token_ids";
const TRUNCATE = "truncate_prompt_tokens";
const LIMITS = ["max_tokens", "max_completion_tokens"];
/** vLLM's, where a completion names none. */
const DEFAULT_LIMIT = 16;

/** Each is kept by an engine with what it makes, and begins anew with the prompt. */
const KEPT_WITH_ANSWER = [
  "structured_outputs",
  "guided_json",
  "guided_regex",
  "guided_choice",
  "guided_grammar",
  "presence_penalty",
  "frequency_penalty",
  "bad_words",
  "thinking_token_budget",
  "echo",
  "prompt_embeds",
];

const READ = [
  ...new Set([
    ...READ_OR_EDITED,
    ...KEPT_WITH_ANSWER,
    "messages",
    "stop",
    "stop_sequences",
    "logprobs",
    "response_format",
    "tools",
    TRUNCATE,
  ]),
];

/** Parts of a message that are not text: ids do not tell them. */
const MEDIA = /(?<!\\)"(?:image|video|audio|input_audio|input_image|input_video|file)[a-z_]*"\s*:/;
const MAX_STOPS = 1000;
/** The escapes of a longer one have not been looked at. */
const MAX_STOP_BYTES = 1000;
const MAX_NUMBER_BYTES = 64;
/** Nothing is asked by these. */
const NOTHING = ["null", "false", "0", "0.0", "[]", "{}", '""'];

/** A request whose answer is to go on: what of it has to be kept for that. Its prompt comes back as ids. */
export function kept({ body, members }: Call, shape: Shape, isStream: boolean): Buffer {
  const isPromptNeeded = shape !== "prompts" || !isStream;
  return isPromptNeeded ? body : joined(editObject(body, members, [{ key: "prompt", value: undefined }]));
}

/** `body` as it was kept. */
export const readAgain = (body: Buffer): Call => ({ body, members: scan(body, READ) });

/** Why no engine can go on with the answer to `call` as if nothing had been; `undefined` when one can. */
export function whyNot(call: Call, shape: Shape): string | undefined {
  if (shape !== "prompts" && shape !== "chat") return "this API does not tell tokens";
  const asked = (key: string): string | undefined => {
    const member = memberOf(call, key);
    if (member === undefined) return undefined;
    const text = textOf(call, member);
    return NOTHING.includes(text) ? undefined : text;
  };
  const key = KEPT_WITH_ANSWER.find((one) => asked(one) !== undefined);
  if (key !== undefined) return `of \`${key}\``;
  const format = asked("response_format");
  if (format !== undefined && !/^\{\s*"type"\s*:\s*"text"\s*\}$/.test(format)) return "of `response_format`";
  const choice = asked("tool_choice");
  if (choice !== undefined && !['"auto"', '"none"'].includes(choice)) return "of `tool_choice`";
  if (shape === "prompts" && asked("logprobs") !== undefined)
    return "of `logprobs`, which tell places in the text";
  if (stopsOf(call).some((stop) => Array.from(stop).length > 1))
    return "of `stop`: a text that ends it may have begun";
  const messages = memberOf(call, "messages");
  if (messages && MEDIA.test(call.body.toString("latin1", messages.valueStart, messages.end)))
    return "of what in `messages` is not text";
  return undefined;
}

/** Whether a parser reads the answer, which may hold back text of it. */
export function hasTools(call: Call): boolean {
  const tools = memberOf(call, "tools");
  return tools !== undefined && !NOTHING.includes(textOf(call, tools));
}

/** Texts that end the answer. */
export function stopsOf(call: Call): string[] {
  const member = memberOf(call, "stop") ?? memberOf(call, "stop_sequences");
  if (member === undefined) return [];
  const { body } = call;
  const { valueStart, end } = member;
  const spans =
    body[valueStart] === OPEN_BRACKET ? scanArray(body, valueStart, MAX_STOPS) : [{ start: valueStart, end }];
  return spans.flatMap(({ start, end }) => {
    if (body[start] !== QUOTE) return [];
    return [end - start > MAX_STOP_BYTES ? "long" : String(JSON.parse(body.toString("utf8", start, end)))];
  });
}

/** Whether the client wants the ids, or something else that tells each token. */
export function seesTokens(call: Call): boolean {
  return wantsIds(call) || (memberOf(call, "logprobs") !== undefined && isTrue(call, "logprobs"));
}

export const wantsIds = (call: Call): boolean => isTrue(call, RETURN_IDS);

function isTrue(call: Call, key: string): boolean {
  const member = memberOf(call, key);
  return member !== undefined && textOf(call, member) === "true";
}

/** Has decode tell the ids. */
export function tellingIds(sequence: Sequence): Sequence {
  return {
    ...sequence,
    decodeEdits: [...sequence.decodeEdits, { key: RETURN_IDS, value: "true" }],
  };
}

/** The sequence with an answer that goes on; `undefined` where a limit leaves nothing to be made. */
export function goingOn(
  call: Call,
  shape: Shape,
  sequence: Sequence,
  { ids, length: made }: Pick<History, "ids" | "length">,
): Sequence | undefined {
  const isChat = shape === "chat";
  const behind: Edit[] = isChat
    ? []
    : [
        { key: "prompt", value: `[${ids}]` },
        { key: TRUNCATE, value: undefined },
      ];
  const limits = [...LIMITS, "min_tokens"].flatMap((key) => lessened(call, sequence, key, made));
  if (!isChat && limitOf(call, sequence, "max_tokens") === undefined)
    limits.push({ key: "max_tokens", value: String(DEFAULT_LIMIT - made) });
  if (limits.some(({ key, value }) => key !== "min_tokens" && Number(value) < 1)) return undefined;
  const rest = (edits: readonly Edit[]) =>
    edits.filter(({ key }) => key !== "prompt" && !limits.some((limit) => limit.key === key));
  return {
    ...sequence,
    edits: [...rest(sequence.edits), ...behind],
    decodeEdits: [...rest(sequence.decodeEdits), ...behind, ...limits, { key: RETURN_IDS, value: "true" }],
    history: isChat ? ids : undefined,
  };
}

/** A limit of the tokens that are still to come. */
function lessened(call: Call, sequence: Sequence, key: string, made: number): Edit[] {
  const text = limitOf(call, sequence, key);
  if (text === undefined || text.length > MAX_NUMBER_BYTES) return [];
  const value: unknown = JSON.parse(text);
  const count = typeof value === "number" || typeof value === "string" ? Number(value) : Number.NaN;
  if (!Number.isInteger(count)) return [];
  const left = count - made;
  return [{ key, value: String(key === "min_tokens" ? Math.max(0, left) : left) }];
}

/** As decode was asked: what the client says, or what was put in its place. */
function limitOf(call: Call, { decodeEdits }: Sequence, key: string): string | undefined {
  const member = memberOf(call, key);
  return decodeEdits.find((edit) => edit.key === key)?.value ?? (member && textOf(call, member));
}
