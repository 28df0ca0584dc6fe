import { hash } from "node:crypto";
import { elements, members } from "./json.ts";
import { sentence } from "./vocabulary.ts";

/** Fields that say how much is generated, how it travels, or under which name; they do not change the tokens. */
const WITHOUT_EFFECT = new Set([
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "store",
  "background",
  "request_id",
  "min_tokens",
  "n",
  "best_of",
  "stream",
  "stream_options",
  "kv_transfer_params",
  "return_token_ids",
  "model",
  "cache_salt",
]);

/** What samples may differ in whose KV cache of the prompt is the same. */
const OF_SAMPLES = new Set(["seed", "tool_choice", "ignore_eos", "stop_token_ids"]);

/** Identifies what an engine computes for a prompt. */
export interface PromptHashes {
  /** Its KV cache, which its samples share. Both legs of a PD request have the same one. */
  readonly kv: string;
  /** The tokens of each of the `n` samples. */
  readonly samples: readonly string[];
}

/**
 * What an engine with this seed computes for each prompt of a request body (a JSON object as text). Changing a number
 * literal, a string or the order of nested members changes it; each prompt of a batch has the hashes that it has alone.
 * `prompts`, as JSON text, stand for those of the body.
 */
export function promptHashes(body: string, engineSeed = 0, prompts?: readonly string[]): PromptHashes[] {
  const fields = members(body);
  const count = Number(fields.get("n") ?? 1) || 1;
  const common = [...fields].filter(([name]) => !WITHOUT_EFFECT.has(name));
  common.sort(([a], [b]) => (a < b ? -1 : 1));
  return (prompts ?? promptsOf(fields.get("prompt"))).map((prompt) => {
    const alone = common.map(([name, value]): Field => [name, name === "prompt" ? prompt : value]);
    const hashOf = (asked: readonly Field[]) => hash("sha256", JSON.stringify([engineSeed, asked]));
    return {
      kv: hashOf(alone.filter(([name]) => !OF_SAMPLES.has(name))),
      samples: Array.from({ length: count }, (_, sample) => hashOf(ofSample(alone, sample))),
    };
  });
}

type Field = [name: string, json: string];

function promptsOf(prompt = ""): string[] {
  if (!prompt.startsWith("[")) return [prompt];
  const list = elements(prompt);
  return /^["[]/.test(list[0] ?? "") ? list : [prompt];
}

/** As in vLLM, sample i of a seed s is made with the seed s + i. Without one, all samples of a prompt are alike. */
function ofSample(fields: readonly Field[], sample: number): readonly Field[] {
  if (sample === 0) return fields;
  return fields.map(([name, json]) => [name, name === "seed" ? laterSeed(json, sample) : json]);
}

function laterSeed(seed: string, sample: number): string {
  if (seed === "null") return seed;
  const first = /^-?\d+$/.test(seed) ? BigInt(seed) : BigInt(Number(seed));
  return `${BigInt.asIntN(64, first + BigInt(sample))}`;
}

/** The text of token `index`, which depends on the sample and the index alone: "Calm", " owls", " paint", " boats.". */
export function tokenAt(sampleHash: string, index: number): string {
  const place = index % sentence.length;
  const list = sentence[place] ?? [];
  const random = hash("sha256", `${sampleHash}/${index}`, "buffer").readUInt32BE();
  const word = list[random % list.length] ?? "";
  if (place === 0) return (index === 0 ? "" : " ") + word.charAt(0).toUpperCase() + word.slice(1);
  return place === sentence.length - 1 ? ` ${word}.` : ` ${word}`;
}

/** The completions of `count` tokens of all choices, in the order of their `index`. */
export function expectedTexts(body: string, count: number, engineSeed = 0): string[] {
  const indexes = Array.from({ length: count }, (_, index) => index);
  return promptHashes(body, engineSeed)
    .flatMap(({ samples }) => samples)
    .map((sample) => indexes.map((index) => tokenAt(sample, index)).join(""));
}

/** The tokens that every simulator with this seed must answer to `body`, a request body as the client wrote it. */
export function expectedTokens(body: string, count: number, engineSeed = 0): string[] {
  const [sample = ""] = promptHashes(body, engineSeed)[0]?.samples ?? [];
  return Array.from({ length: count }, (_, index) => tokenAt(sample, index));
}

/** The completion (`choices[0].text` or `choices[0].message.content`) of `count` tokens. */
export function expectedText(body: string, count: number, engineSeed = 0): string {
  return expectedTokens(body, count, engineSeed).join("");
}
