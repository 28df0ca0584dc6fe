import { hash } from "node:crypto";
import { members } from "./json.ts";
import { sentence } from "./vocabulary.ts";

/** Fields that say how much is generated, how it travels, or under which name; they do not change the tokens. */
const WITHOUT_EFFECT = new Set([
  "max_tokens",
  "max_completion_tokens",
  "min_tokens",
  "stream",
  "stream_options",
  "kv_transfer_params",
  "model",
]);

/**
 * Identifies what an engine with this seed computes for a request body (a JSON object as text). Both legs of a
 * PD request have the same hash; changing a number literal, a string or the order of nested members changes it.
 */
export function promptHash(body: string, engineSeed = 0): string {
  const fields = [...members(body)].filter(([name]) => !WITHOUT_EFFECT.has(name));
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return hash("sha256", JSON.stringify([engineSeed, fields]));
}

/** The text of token `index`, which depends on the prompt and the index alone: "Calm", " owls", " paint", " boats.". */
export function tokenAt(promptHash: string, index: number): string {
  const place = index % sentence.length;
  const list = sentence[place] ?? [];
  const random = hash("sha256", `${promptHash}/${index}`, "buffer").readUInt32BE();
  const word = list[random % list.length] ?? "";
  if (place === 0) return (index === 0 ? "" : " ") + word.charAt(0).toUpperCase() + word.slice(1);
  return place === sentence.length - 1 ? ` ${word}.` : ` ${word}`;
}

/** The tokens that every simulator with this seed must answer to `body`, a request body as the client wrote it. */
export function expectedTokens(body: string, count: number, engineSeed = 0): string[] {
  const prompt = promptHash(body, engineSeed);
  return Array.from({ length: count }, (_, index) => tokenAt(prompt, index));
}

/** The completion (`choices[0].text` or `choices[0].message.content`) of `count` tokens. */
export function expectedText(body: string, count: number, engineSeed = 0): string {
  return expectedTokens(body, count, engineSeed).join("");
}
