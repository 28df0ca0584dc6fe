import type { JsonBody } from "./body.ts";
import { ApiError, badRequest, invalidBody } from "./errors.ts";
import { isObject, members } from "./json.ts";
import { type Endpoint, type PromptLimits, type PromptTokens, promptList, promptsOf } from "./prompts.ts";
import { type KvCheck, type KvConnector, strayParams } from "./transfer-fields.ts";

/** A prompt, and what is to be generated from it. */
export interface Prompt extends PromptTokens {
  /** Tokens of each sample. */
  readonly maxTokens: number;
}

/** A request that was found valid. */
export interface GenerationRequest {
  readonly prompts: readonly Prompt[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** With every chunk. */
  readonly continuousUsage: boolean;
  readonly returnTokenIds: boolean;
  /** Members of `kv_transfer_params` as JSON text; undefined when the body has none. */
  readonly kvParams: ReadonlyMap<string, string> | undefined;
  /** What of it ends the engine core. */
  readonly fatal: string | undefined;
  /** No end token comes before. */
  readonly minTokens: number;
}

/** What an engine has to do with a request that is only being read. */
export interface Gate {
  /** Throws ApiError when it takes no more; `sequences` are those of the request. */
  admit(sequences: number): void;
  /** A request for this KV cache was refused, and will never run. */
  refused(kvParams: ReadonlyMap<string, string>): void;
}

export interface RequestLimits extends PromptLimits {
  readonly servedModelName: string;
  /** Tokens of prompt and completion together. */
  readonly maxModelLen: number;
  readonly kvCheck: KvCheck;
  readonly kvConnector: KvConnector;
}

type Fields = JsonBody["fields"];

const DEFAULT_MAX_TOKENS = 16;
/** vLLM's VLLM_MAX_N_SEQUENCES and VLLM_MAX_COMPLETION_PROMPTS. */
const MAX_SAMPLES = 16_384;
const MAX_PROMPTS = 1024;
const GREEDY_BELOW = 1e-5;

/**
 * Checks a request body as vLLM's OpenAI server does. Throws ApiError. As there, `gate` is told of what is refused once its
 * types, its prompt and its model were found to be right.
 */
export function parseRequest(
  endpoint: Endpoint,
  body: JsonBody,
  limits: RequestLimits,
  gate?: Gate,
): GenerationRequest {
  const { text, fields } = body;
  checkTypes(fields);
  checkPrompt(endpoint, fields);
  checkModel(fields.model, limits.servedModelName);
  const kvText = members(text).get("kv_transfer_params");
  const kvParams = kvText?.startsWith("{") ? members(kvText) : undefined;
  try {
    const { length } = endpoint === "chat" ? [0] : promptList(fields.prompt);
    gate?.admit(length * Math.max(1, Number(fields.n ?? 1)));
    return requestOf(endpoint, body, kvParams, limits);
  } catch (error) {
    if (kvParams?.get("do_remote_prefill") === "true") gate?.refused(kvParams);
    throw error;
  }
}

function requestOf(
  endpoint: Endpoint,
  body: JsonBody,
  kvParams: GenerationRequest["kvParams"],
  limits: RequestLimits,
): GenerationRequest {
  const { fields } = body;
  const { stream_options: options } = fields;
  checkUnsupported(fields);
  checkSampling(fields);
  checkSamples(fields);
  const prompts = promptsOf(endpoint, body, kvParams, limits).map((prompt) => ({
    ...prompt,
    maxTokens: maxTokensOf(endpoint, fields, prompt, limits.maxModelLen),
  }));
  // What pushes is told a place by decode for each prompt, of which prefill then gets one.
  const ofOnePrompt =
    limits.kvConnector === "MooncakeLayerwiseConnector" ? "do_remote_decode" : "do_remote_prefill";
  if (limits.kvCheck === "strict" && prompts.length > 1 && kvParams?.get(ofOnePrompt) === "true") {
    throw badRequest(
      `\`kv_transfer_params\` name the KV cache of one prompt, \`prompt\` has ${prompts.length}: ` +
        "vLLM would answer all of them from that one.",
      "kv_transfer_params",
    );
  }
  return {
    prompts,
    stream: fields.stream === true,
    includeUsage: isObject(options) && options.include_usage === true,
    continuousUsage:
      isObject(options) && options.include_usage === true && options.continuous_usage_stats === true,
    returnTokenIds: fields.return_token_ids === true,
    kvParams,
    fatal: fatalOf(fields, limits),
    minTokens: Number(fields.min_tokens ?? 0),
  };
}

function fatalOf(fields: Fields, { kvCheck, kvConnector }: RequestLimits): string | undefined {
  const stray = strayParams(fields, kvCheck);
  if (stray !== undefined) return `${stray} is no object`;
  const params = fields.kv_transfer_params;
  if (!isObject(params) || kvConnector === "NixlConnector") return undefined;
  if (kvConnector === "MooncakeLayerwiseConnector" && params.do_remote_decode === true) {
    return "remote_cached_tokens" in params ? undefined : "no remote_cached_tokens in kv_transfer_params";
  }
  if (params.do_remote_prefill !== true) return undefined;
  return typeof fields.prompt_logprobs === "number"
    ? "prompt_logprobs of a prompt computed elsewhere"
    : undefined;
}

/** `null` stands for an absent field, as in vLLM. */
function checkTypes(fields: Fields): void {
  const check = (name: string, type: string, message: string, valid: (value: unknown) => boolean) => {
    const value = fields[name] ?? undefined;
    if (value !== undefined && !valid(value)) throw invalidBody(type, [name], message);
  };
  for (const name of ["max_tokens", "max_completion_tokens", "min_tokens", "n", "seed"]) {
    check(name, "int_type", "Input should be a valid integer", Number.isInteger);
  }
  for (const name of ["stream", "ignore_eos", "return_token_ids"]) {
    check(name, "bool_type", "Input should be a valid boolean", (value) => typeof value === "boolean");
  }
  for (const name of ["temperature", "top_p", "presence_penalty", "frequency_penalty"]) {
    check(name, "float_type", "Input should be a valid number", (value) => typeof value === "number");
  }
  for (const name of ["stream_options", "kv_transfer_params", "ec_transfer_params", "vllm_xargs"]) {
    check(name, "dict_type", "Input should be a valid dictionary", isObject);
  }
  if (isObject(fields.stream_options) && fields.stream !== true) {
    throw badRequest("Stream options can only be defined when `stream=True`.", "stream_options");
  }
}

function checkPrompt(endpoint: Endpoint, fields: Fields): void {
  const name = endpoint === "chat" ? "messages" : "prompt";
  const value = fields[name];
  if (endpoint === "completions") {
    if ((value ?? "") === "")
      throw badRequest("Either prompt or prompt_embeds must be provided and non-empty.", name);
    checkPrompts(promptList(value));
    return;
  }
  if (value === undefined || value === null) throw invalidBody("missing", [name], "Field required");
  if (!Array.isArray(value)) throw invalidBody("list_type", [name], "Input should be a valid list");
  if (value.length === 0) {
    throw badRequest("Cannot apply chat template to an empty conversation. Provide at least one message.");
  }
  value.forEach((message: unknown, index) => {
    if (!isObject(message))
      throw invalidBody("dict_type", [name, index, FIRST_KIND], "Input should be a valid dictionary");
    if (typeof message.role !== "string")
      throw invalidBody("missing", [name, index, FIRST_KIND, "role"], "Field required");
    if (!isTextContent(message.content)) {
      throw badRequest("The simulated model takes text only: `content` is a string or a list of text parts.");
    }
  });
}

/** Of the kinds of message that vLLM tries, the one whose refusal it tells first. */
const FIRST_KIND = "ChatCompletionDeveloperMessageParam";

function checkPrompts(prompts: readonly unknown[]): void {
  const areTexts = prompts.every((prompt) => typeof prompt === "string");
  const areTokenIds = prompts.every((prompt) => Array.isArray(prompt) && prompt.every(Number.isInteger));
  const negative = prompts.flat().findIndex((id) => typeof id === "number" && id < 0);
  if (prompts.length === 0) throw badRequest("You must pass at least one prompt");
  if (prompts.length > MAX_PROMPTS) {
    throw badRequest(
      `prompt list length ${prompts.length} exceeds the maximum allowed count of ${MAX_PROMPTS}.`,
      "prompt",
    );
  }
  if (!areTexts && !areTokenIds) {
    const path = prompts.length > 1 ? ["prompt", 0] : ["prompt"];
    throw invalidBody(
      "list_type",
      path,
      "Input should be a string, a list of token ids, or a list of either",
    );
  }
  if (negative >= 0) {
    throw invalidBody(
      "greater_than_equal",
      ["prompt", negative],
      "Input should be greater than or equal to 0",
    );
  }
  if (prompts.some((prompt) => Array.isArray(prompt) && prompt.length === 0)) {
    throw badRequest("The decoder prompt cannot be empty");
  }
}

function checkSampling({ temperature, top_p: topP, seed, ...fields }: Fields): void {
  if (typeof temperature === "number" && temperature < 0) {
    throw badRequest(`temperature must be non-negative, got ${temperature}.`, "temperature");
  }
  if (typeof topP === "number" && !(topP > 0 && topP <= 1)) {
    throw badRequest(`top_p must be in (0, 1], got ${topP}.`, "top_p");
  }
  // As near to the greatest seed as a double comes.
  if (typeof seed === "number" && seed > 2 ** 63) {
    throw invalidBody(
      "less_than_equal",
      ["seed"],
      "Input should be less than or equal to 9223372036854775807",
    );
  }
  if (fields.top_logprobs && !fields.logprobs) {
    throw badRequest("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs");
  }
  if (isForced(fields.tool_choice) && !fields.tools) {
    throw badRequest("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
}

const isForced = (toolChoice: unknown) => toolChoice === "required" || isObject(toolChoice);

function checkSamples({ n, temperature }: Fields): void {
  if (typeof temperature === "number" && temperature < 0) {
    throw badRequest(`temperature must be non-negative, got ${temperature}.`, "temperature");
  }
  if (typeof n !== "number") return;
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`);
  if (n > MAX_SAMPLES) throw badRequest(`n must be at most ${MAX_SAMPLES}, got ${n}.`);
  if (n > 1 && typeof temperature === "number" && temperature < GREEDY_BELOW) {
    throw badRequest(`n must be 1 when using greedy sampling, got ${n}.`);
  }
}

function isTextContent(content: unknown): boolean {
  if (!Array.isArray(content))
    return content === undefined || content === null || typeof content === "string";
  return content.every(
    (part) => typeof part === "string" || (isObject(part) && typeof part.text === "string"),
  );
}

export function checkModel(model: unknown, served: string): void {
  if (model === undefined || model === null || model === "" || model === served) return;
  throw new ApiError(
    404,
    "NotFoundError",
    `The model \`${model}\` does not exist. Valid aliases: ${served}.`,
    "model",
  );
}

/** Better refused than answered without them. */
function checkUnsupported(fields: Fields): void {
  for (const name of ["echo", "logprobs", "suffix"]) {
    if (fields[name]) throw badRequest(`\`${name}\` is not simulated.`, name);
  }
}

function maxTokensOf(
  endpoint: Endpoint,
  fields: Fields,
  { tokens: { length }, made }: PromptTokens,
  maxModelLen: number,
): number {
  const room = maxModelLen - length;
  if (room < 1) {
    throw badRequest(
      `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains ${length} input ` +
        "tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.",
      "input_tokens",
    );
  }
  const wanted = (endpoint === "chat" ? fields.max_completion_tokens : null) ?? fields.max_tokens;
  // The end of a chat that has no limit is the model's: it comes behind as many tokens, however often it was given back.
  const unasked = endpoint === "chat" ? DEFAULT_MAX_TOKENS - made : DEFAULT_MAX_TOKENS;
  const maxTokens = Math.min(typeof wanted === "number" ? wanted : unasked, room);
  if (maxTokens < 1) throw badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens");
  if (Number(wanted) > maxModelLen) {
    throw badRequest(
      `max_tokens=${wanted} cannot be greater than max_model_len=${maxModelLen}. Please request fewer output tokens.`,
      "max_tokens",
    );
  }
  const minTokens = Number(fields.min_tokens ?? 0);
  if (minTokens > maxTokens) {
    throw badRequest(`min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`);
  }
  return maxTokens;
}
