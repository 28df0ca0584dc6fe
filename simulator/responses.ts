import type { Endpoint, GenerationRequest } from "./request.ts";

/** Whose answers are told apart: 0.33 writes the KV parameters, which are null, into every chunk with a token. */
export const VLLM_VERSIONS = ["0.11", "0.33"] as const;

export interface AnswerStyle {
  readonly servedModelName: string;
  readonly vllmVersion: (typeof VLLM_VERSIONS)[number];
}

/** What all chunks of one answer share. */
export interface Answer {
  readonly endpoint: Endpoint;
  /** `cmpl-…` or `chatcmpl-…` */
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly vllmVersion: AnswerStyle["vllmVersion"];
}

export function startAnswer(
  endpoint: Endpoint,
  requestId: string,
  { servedModelName, vllmVersion }: AnswerStyle,
): Answer {
  const id = `${endpoint === "chat" ? "chatcmpl" : "cmpl"}-${requestId}`;
  return { endpoint, id, created: Math.floor(Date.now() / 1000), model: servedModelName, vllmVersion };
}

/** The id under which the engine knows a prompt: vLLM numbers those of a completion. */
export function engineRequestId(answer: Answer, prompt: number): string {
  return answer.endpoint === "chat" ? answer.id : `${answer.id}-${prompt}`;
}

/** The chunk of a choice in front of a chat's first token. */
export function roleChunk(answer: Answer, index: number): object {
  const choice = { index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null };
  return chunk(answer, [choice]);
}

export function tokenChunk(answer: Answer, index: number, text: string, last: boolean): object {
  const end = { logprobs: null, finish_reason: last ? "length" : null, stop_reason: null };
  const choice =
    answer.endpoint === "chat" ? { index, delta: { content: text }, ...end } : { index, text, ...end };
  return {
    ...chunk(answer, [choice]),
    ...(answer.endpoint === "chat" ? {} : { usage: null }),
    ...(answer.vllmVersion === "0.33" ? { kv_transfer_params: null } : {}),
  };
}

export function usageChunk(answer: Answer, request: GenerationRequest): object {
  return { ...chunk(answer, []), usage: usage(request) };
}

function chunk({ endpoint, id, created, model }: Answer, choices: readonly object[]): object {
  const object = endpoint === "chat" ? "chat.completion.chunk" : "text_completion";
  return { id, object, created, model, choices };
}

/** A plain answer as JSON text; `kvTransferParams` is JSON text already and stays as it is. */
export function plainAnswer(
  { endpoint, id, created, model }: Answer,
  request: GenerationRequest,
  texts: readonly string[],
  kvTransferParams: string,
): string {
  const end = { logprobs: null, finish_reason: "length", stop_reason: null };
  const chat = endpoint === "chat";
  const message = { role: "assistant", content: "", refusal: null, reasoning_content: null, tool_calls: [] };
  const choices = texts.map((text, index) =>
    chat
      ? { index, message: { ...message, content: text }, ...end }
      : { index, text, ...end, prompt_logprobs: null },
  );
  const object = chat ? "chat.completion" : "text_completion";
  const body = {
    id,
    object,
    created,
    model,
    choices,
    usage: usage(request),
    prompt_logprobs: null,
  };
  return `${JSON.stringify(body).slice(0, -1)},"kv_transfer_params":${kvTransferParams}}`;
}

/** A prompt counts once, however many samples it has. */
function usage({ prompts }: GenerationRequest): object {
  const promptTokens = sum(prompts.map(({ tokens }) => tokens.length));
  const completionTokens = sum(prompts.map(({ hashes, maxTokens }) => hashes.samples.length * maxTokens));
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
