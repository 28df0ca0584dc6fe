import type { Endpoint, GenerationRequest } from "./request.ts";

/** Whose answers are told apart: 0.33 writes the KV parameters, which are null, into every chunk with a token. */
export const VLLM_VERSIONS = ["0.32", "0.33"] as const;

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

/** As a vLLM of that line calls itself. */
export const versionOf = (line: AnswerStyle["vllmVersion"]): string => `${line}.0+simulated`;

const fingerprint = ({ vllmVersion }: Answer): string => `vllm-${versionOf(vllmVersion)}`;

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
  return { ...chunk(answer, [choice]), prompt_token_ids: null, prompt_text: null };
}

export function tokenChunk(answer: Answer, index: number, text: string, last: boolean): object {
  const logprobs = null;
  const finish_reason = last ? "length" : null;
  const choice =
    answer.endpoint === "chat"
      ? {
          index,
          delta: { content: text },
          logprobs,
          finish_reason,
          ...(last ? { stop_reason: null } : {}),
          token_ids: null,
        }
      : { index, text, logprobs, finish_reason, stop_reason: null, prompt_token_ids: null, token_ids: null };
  return {
    ...chunk(answer, [choice]),
    ...(answer.vllmVersion === "0.33" ? { kv_transfer_params: null } : {}),
  };
}

export function usageChunk(answer: Answer, request: GenerationRequest): object {
  return { ...chunk(answer, []), usage: usage(request) };
}

/** The last chunk of a stream says which system it came from. */
export function lastChunk(answer: Answer, chunk: object): object {
  return { ...chunk, system_fingerprint: fingerprint(answer) };
}

function chunk({ endpoint, id, created, model }: Answer, choices: readonly object[]): object {
  const object = endpoint === "chat" ? "chat.completion.chunk" : "text_completion";
  return { id, object, created, model, choices };
}

/** A plain answer as JSON text; `kvTransferParams` is JSON text already and stays as it is. */
export function plainAnswer(
  answer: Answer,
  request: GenerationRequest,
  texts: readonly string[],
  kvTransferParams: string,
): string {
  const { endpoint, id, created, model } = answer;
  const end = { logprobs: null, finish_reason: "length", stop_reason: null, token_ids: null };
  const chat = endpoint === "chat";
  const ofPrompt = { prompt_logprobs: null, prompt_token_ids: null };
  const message = { role: "assistant", content: "", refusal: null, annotations: null, audio: null };
  const choices = texts.map((text, index) =>
    chat
      ? {
          index,
          message: { ...message, content: text, function_call: null, reasoning: null },
          ...end,
          routed_experts: null,
        }
      : { index, text, ...end, ...ofPrompt, routed_experts: null },
  );
  const body = {
    id,
    object: chat ? "chat.completion" : "text_completion",
    created,
    model,
    choices,
    service_tier: null,
    system_fingerprint: fingerprint(answer),
    usage: { ...usage(request), prompt_tokens_details: null, completion_tokens_details: null },
    ...(chat ? { ...ofPrompt, prompt_text: null } : {}),
  };
  const rest = '"ec_transfer_params":null,"metrics":null';
  return `${JSON.stringify(body).slice(0, -1)},"kv_transfer_params":${kvTransferParams},${rest}}`;
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
