import type { End } from "./engine.ts";
import type { Endpoint } from "./prompts.ts";
import type { GenerationRequest } from "./request.ts";
import { madeTokenId } from "./token-ids.ts";

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

/** What has been made of a choice. */
export interface Made {
  text: string;
  readonly tokens: string[];
  end: End | undefined;
}

/** The chunk of a choice in front of a chat's first token. */
export function roleChunk(answer: Answer, index: number, request: GenerationRequest): object {
  const choice = { index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null };
  const prompt_token_ids = promptIds(request, index);
  const used = request.continuousUsage && { usage: { ...usageOf(request, index, 0), ...NO_DETAILS } };
  return { ...chunk(answer, [choice]), ...used, prompt_token_ids, prompt_text: null };
}

/** `made` has the token already. */
export function tokenChunk(
  answer: Answer,
  index: number,
  text: string,
  { tokens, end }: Made,
  request: GenerationRequest,
): object {
  const finish_reason = finishReason(end);
  const stop_reason = stopReason(end);
  const token_ids = request.returnTokenIds ? (text === "" ? [] : [madeTokenId(text)]) : null;
  const isFirst = tokens.length === (text === "" ? 0 : 1);
  const ids = { prompt_token_ids: isFirst ? promptIds(request, index) : null, token_ids };
  const chat = answer.endpoint === "chat";
  const choice = chat
    ? {
        index,
        delta: { content: text },
        logprobs: null,
        finish_reason,
        ...(end && { stop_reason }),
        token_ids,
      }
    : { index, text, logprobs: null, finish_reason, stop_reason, ...ids };
  const used = { ...usageOf(request, index, tokens.length), ...(chat && NO_DETAILS) };
  return {
    ...chunk(answer, [choice]),
    ...(request.continuousUsage && { usage: used }),
    ...(answer.vllmVersion === "0.33" && { kv_transfer_params: null }),
  };
}

const finishReason = (end: End | undefined) => (end === "recomputed" ? "stop" : (end ?? null));
const stopReason = (end: End | undefined) => (end === "recomputed" ? end : null);
const NO_DETAILS = { completion_tokens_details: null };

export function usageChunk(answer: Answer, request: GenerationRequest, made: readonly Made[]): object {
  return { ...chunk(answer, []), usage: usage(request, made) };
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
  made: readonly Made[],
  kvTransferParams: string,
): string {
  const { endpoint, id, created, model } = answer;
  const chat = endpoint === "chat";
  const ofPrompt = (choice: number) => ({
    prompt_logprobs: null,
    prompt_token_ids: promptIds(request, choice),
  });
  const message = { role: "assistant", content: "", refusal: null, annotations: null, audio: null };
  const choices = made.map(({ text, tokens, end }, index) => {
    const ended = {
      logprobs: null,
      finish_reason: finishReason(end),
      stop_reason: stopReason(end),
      token_ids: request.returnTokenIds ? tokens.map(madeTokenId) : null,
    };
    return chat
      ? {
          index,
          message: { ...message, content: text, function_call: null, reasoning: null },
          ...ended,
          routed_experts: null,
        }
      : { index, text, ...ended, ...ofPrompt(index), routed_experts: null };
  });
  const body = {
    id,
    object: chat ? "chat.completion" : "text_completion",
    created,
    model,
    choices,
    service_tier: null,
    system_fingerprint: fingerprint(answer),
    usage: { ...usage(request, made), prompt_tokens_details: null, ...NO_DETAILS },
    ...(chat ? { ...ofPrompt(0), prompt_text: null } : {}),
  };
  const rest = '"ec_transfer_params":null,"metrics":null';
  return `${JSON.stringify(body).slice(0, -1)},"kv_transfer_params":${kvTransferParams},${rest}}`;
}

/** A prompt counts once, however many samples it has. */
function usage({ prompts }: GenerationRequest, made: readonly Made[]): object {
  const prompt = sum(prompts.map(({ tokens }) => tokens.length));
  return counts(prompt, sum(made.map(({ tokens }) => tokens.length)));
}

function usageOf(request: GenerationRequest, choice: number, completion: number): object {
  return counts(promptOf(request, choice)?.tokens.length ?? 0, completion);
}

const counts = (prompt: number, completion: number): object => ({
  prompt_tokens: prompt,
  total_tokens: prompt + completion,
  completion_tokens: completion,
});

function promptIds(request: GenerationRequest, choice: number): readonly number[] | null {
  return request.returnTokenIds ? (promptOf(request, choice)?.ids ?? null) : null;
}

/** All prompts have as many samples. */
function promptOf({ prompts }: GenerationRequest, choice: number) {
  return prompts[Math.floor(choice / (prompts[0]?.hashes.samples.length ?? 1))];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
