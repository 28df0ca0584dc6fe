import type { JsonBody } from "./body.ts";
import { ApiError, badRequest, invalidBody } from "./errors.ts";
import { isObject, members } from "./json.ts";
import { promptHash } from "./oracle.ts";
import { countChatTokens, countPromptTokens } from "./tokenizer.ts";

export type Endpoint = "completions" | "chat";

/** A request that was found valid. */
export interface GenerationRequest {
  readonly promptHash: string;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Members of `kv_transfer_params` as JSON text; undefined when the body has none. */
  readonly kvParams: ReadonlyMap<string, string> | undefined;
}

export interface RequestLimits {
  readonly servedModelName: string;
  /** Tokens of prompt and completion together. */
  readonly maxModelLen: number;
  /** Stands for the weights: instances answer alike only with the same seed. */
  readonly seed: number;
}

type Fields = JsonBody["fields"];

const DEFAULT_MAX_TOKENS = 16;

/** Checks a request body as vLLM's OpenAI server does. Throws ApiError. */
export function parseRequest(endpoint: Endpoint, body: JsonBody, limits: RequestLimits): GenerationRequest {
  const { text, fields } = body;
  checkTypes(fields);
  checkPrompt(endpoint, fields);
  checkModel(fields.model, limits.servedModelName);
  checkUnsupported(fields);

  const stream = fields.stream === true;
  const streamOptions = fields.stream_options;
  if (isObject(streamOptions) && !stream) {
    throw badRequest("Stream options can only be defined when `stream=True`.", "stream_options");
  }
  const promptTokens =
    endpoint === "chat" ? countChatTokens(fields.messages) : countPromptTokens(fields.prompt);
  const kvParams = members(text).get("kv_transfer_params");
  return {
    promptHash: promptHash(text, limits.seed),
    promptTokens,
    maxTokens: maxTokensOf(endpoint, fields, promptTokens, limits.maxModelLen),
    stream,
    includeUsage: isObject(streamOptions) && streamOptions.include_usage === true,
    kvParams: kvParams?.startsWith("{") ? members(kvParams) : undefined,
  };
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
  for (const name of ["stream", "ignore_eos"]) {
    check(name, "bool_type", "Input should be a valid boolean", (value) => typeof value === "boolean");
  }
  for (const name of ["temperature", "top_p", "presence_penalty", "frequency_penalty"]) {
    check(name, "float_type", "Input should be a valid number", (value) => typeof value === "number");
  }
  for (const name of ["stream_options", "kv_transfer_params"]) {
    check(name, "dict_type", "Input should be a valid dictionary", isObject);
  }
}

function checkPrompt(endpoint: Endpoint, fields: Fields): void {
  const name = endpoint === "chat" ? "messages" : "prompt";
  const value = fields[name];
  if (value === undefined || value === null) throw invalidBody("missing", [name], "Field required");
  if (endpoint === "completions") {
    const tokenIds = Array.isArray(value) && value.length > 0 && value.every(Number.isInteger);
    if (typeof value !== "string" && !tokenIds) {
      throw badRequest("`prompt` must be a string or a list of token ids; batches are not simulated.", name);
    }
    return;
  }
  if (!Array.isArray(value)) throw invalidBody("list_type", [name], "Input should be a valid list");
  if (value.length === 0) throw badRequest("`messages` must not be empty.", name);
  value.forEach((message: unknown, index) => {
    if (!isObject(message))
      throw invalidBody("dict_type", [name, index], "Input should be a valid dictionary");
    if (typeof message.role !== "string")
      throw invalidBody("missing", [name, index, "role"], "Field required");
    if (!isTextContent(message.content)) {
      throw badRequest(
        "The simulated model takes text only: `content` is a string or a list of text parts.",
        name,
      );
    }
  });
}

function isTextContent(content: unknown): boolean {
  if (!Array.isArray(content))
    return content === undefined || content === null || typeof content === "string";
  return content.every(
    (part) => typeof part === "string" || (isObject(part) && typeof part.text === "string"),
  );
}

function checkModel(model: unknown, served: string): void {
  if (model === undefined || model === null || model === "" || model === served) return;
  throw new ApiError(404, "NotFoundError", `The model \`${model}\` does not exist.`, "model");
}

/** Better refused than answered without them. */
function checkUnsupported(fields: Fields): void {
  for (const name of ["n", "best_of"]) {
    if (Number(fields[name] ?? 1) !== 1)
      throw badRequest(`\`${name}\` must be 1: one sequence is simulated.`, name);
  }
  for (const name of ["echo", "logprobs", "suffix"]) {
    if (fields[name]) throw badRequest(`\`${name}\` is not simulated.`, name);
  }
}

function maxTokensOf(endpoint: Endpoint, fields: Fields, promptTokens: number, maxModelLen: number): number {
  const room = maxModelLen - promptTokens;
  if (room < 1) {
    throw badRequest(
      `This model's maximum context length is ${maxModelLen} tokens. However, your request has ` +
        `${promptTokens} input tokens. Please reduce the length of the input messages.`,
    );
  }
  const wanted = (endpoint === "chat" ? fields.max_completion_tokens : null) ?? fields.max_tokens;
  const maxTokens = typeof wanted === "number" ? wanted : Math.min(DEFAULT_MAX_TOKENS, room);
  if (maxTokens < 1) throw badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens");
  if (maxTokens > room) {
    throw badRequest(
      `'max_tokens' or 'max_completion_tokens' is too large: ${maxTokens}. This model's maximum context length ` +
        `is ${maxModelLen} tokens and your request has ${promptTokens} input tokens ` +
        `(${maxTokens} > ${maxModelLen} - ${promptTokens}).`,
      "max_tokens",
    );
  }
  const minTokens = Number(fields.min_tokens ?? 0);
  if (minTokens > maxTokens) {
    throw badRequest(
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
      "min_tokens",
    );
  }
  return maxTokens;
}
