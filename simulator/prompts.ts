import type { JsonBody } from "./body.ts";
import {
  checkMade,
  type History,
  hashesBehind,
  historyOf,
  historyOfChat,
  promptAsAsked,
  RECOMPUTE_IDS,
} from "./history.ts";
import { type PromptHashes, promptHashes } from "./oracle.ts";
import { characterIds, tokenIds } from "./token-ids.ts";
import { chatText, promptTokens, tokensOf } from "./tokenizer.ts";

export type Endpoint = "completions" | "chat";

/** What is generated from. */
export interface PromptTokens {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly hashes: PromptHashes;
  /** Tokens of the answer that are in the prompt: the answer goes on. */
  readonly made: number;
  /** Prompts with different ones share no KV cache. */
  readonly cacheSalt: string;
}

/** What the reading of prompts depends on. */
export interface PromptLimits {
  /** Stands for the weights: instances answer alike only with the same seed. */
  readonly seed: number;
  /** Other than 0: a decode instance gives a request back after that many tokens at most. */
  readonly preemptWithin: number;
}

/** Throws ApiError for a history of tokens that is not exact. */
export function promptsOf(
  endpoint: Endpoint,
  { text, fields }: JsonBody,
  kvParams: ReadonlyMap<string, string> | undefined,
  { seed, preemptWithin }: PromptLimits,
): PromptTokens[] {
  // The ids of a prompt have to tell its text where it may come back as ids.
  const idsOf = preemptWithin > 0 ? characterIds : tokenIds;
  const cacheSalt = typeof fields.cache_salt === "string" ? fields.cache_salt : "";
  const isPulled = kvParams?.get("do_remote_prefill") === "true";
  const behind = (history: History, hashes: PromptHashes) => {
    // Prefill knows no sample's seed.
    if (isPulled) checkMade(history, hashes);
    return { hashes: hashesBehind(history, hashes), made: history.made.length };
  };
  if (endpoint === "chat") {
    const asked = chatText(fields.messages);
    const told = kvParams?.get(RECOMPUTE_IDS);
    const history = told === undefined ? { prompt: idsOf(asked), made: [] } : historyOfChat(told, asked);
    const tokens = preemptWithin > 0 || told !== undefined ? Array.from(asked) : tokensOf(asked);
    return promptHashes(text, seed).map((hashes) => ({
      tokens: [...tokens, ...history.made.map(String)],
      ids: [...history.prompt, ...history.made],
      cacheSalt,
      ...behind(history, hashes),
    }));
  }
  const prompts = promptList(fields.prompt).map((prompt) => {
    if (isIds(prompt)) return { tokens: promptTokens(prompt), ids: prompt, history: historyOf(prompt) };
    const ids = idsOf(`${prompt}`);
    const tokens = preemptWithin > 0 ? Array.from(`${prompt}`) : promptTokens(prompt);
    return { tokens, ids, history: { prompt: ids, made: [] } };
  });
  const isBack = prompts.some(({ history }) => history.made.length > 0);
  const asAsked = isBack ? prompts.map(({ history }) => promptAsAsked(history.prompt)) : undefined;
  return promptHashes(text, seed, asAsked).map((hashes, at) => {
    const { tokens = [], ids = [], history = { prompt: [], made: [] } } = prompts[at] ?? {};
    return { tokens, ids, cacheSalt, ...behind(history, hashes) };
  });
}

const isIds = (prompt: unknown): prompt is number[] =>
  Array.isArray(prompt) && prompt.length > 0 && prompt.every(Number.isInteger);

/** A list of token ids is one prompt, any other list is a batch. */
export function promptList(prompt: unknown): readonly unknown[] {
  return Array.isArray(prompt) && !isIds(prompt) ? prompt : [prompt];
}
