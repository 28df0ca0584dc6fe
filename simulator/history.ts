import { hash } from "node:crypto";
import { badRequest } from "./errors.ts";
import { elements } from "./json.ts";
import { type PromptHashes, tokenAt } from "./oracle.ts";
import { characterIds, isMade, madeTokenId, textOfCharacters } from "./token-ids.ts";

/*
 * An answer that a decode instance gave back (`recomputed`) goes on: the request comes again with the ids of the prompt and
 * of all tokens that were made. In these ids the simulator finds the prompt as it was asked first, and so the next token.
 */

/** Where vllm-ascend's chats have the ids: a member of `kv_transfer_params`. */
export const RECOMPUTE_IDS = "_vllm_ascend_recompute_token_ids";

/** Ids taken apart: those of what was asked, and those of what was made. */
export interface History {
  readonly prompt: readonly number[];
  readonly made: readonly number[];
}

/** Throws ApiError for a history that no engine could have. */
export function historyOf(ids: readonly number[]): History {
  const start = ids.findIndex(isMade);
  if (start === -1) return { prompt: ids, made: [] };
  const made = ids.slice(start);
  if (!made.every(isMade)) throw wrong("ids of a prompt stand behind tokens that were made");
  return { prompt: ids.slice(0, start), made };
}

/** The prompt as it was asked first, as JSON text. */
export function promptAsAsked(ids: readonly number[]): string {
  return JSON.stringify(textOfCharacters(ids) ?? ids);
}

/** The history in the parameters of a chat. Throws ApiError when it is not that of `prompt`. */
export function historyOfChat(text: string, prompt: string): History {
  const history = historyOf(text.startsWith("[") ? elements(text).map(Number) : []);
  const own = characterIds(prompt);
  if (own.length !== history.prompt.length || own.some((id, at) => id !== history.prompt[at]))
    throw wrong("its prompt is not that of the messages");
  return history;
}

/** What is computed behind a history: its KV cache is the prompt's no more, its tokens are. */
export function hashesBehind({ made }: History, hashes: PromptHashes): PromptHashes {
  return made.length === 0 ? hashes : { ...hashes, kv: hash("sha256", `${hashes.kv}/${made.join()}`) };
}

/** Throws ApiError unless each token is the one that was made in its place: this is what makes an answer exact. */
export function checkMade({ made }: History, { samples: [sample = ""] }: PromptHashes): void {
  const at = made.findIndex((id, index) => id !== madeTokenId(tokenAt(sample, index)));
  if (at !== -1) throw wrong(`token ${at} is not the one that was made`);
}

const wrong = (what: string) => badRequest(`The token history is wrong: ${what}.`, RECOMPUTE_IDS);
