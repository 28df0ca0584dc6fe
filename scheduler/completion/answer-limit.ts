import type { Edit } from "../json/edit.ts";
import { type Call, invalid, scalarOf } from "./call.ts";
import type { Shape } from "./sequences.ts";

/** By which keys a request says how many tokens its answer may have. */
const KEYS: Readonly<Record<Shape, readonly [string, ...string[]]>> = {
  prompts: ["max_tokens"],
  texts: ["max_tokens"],
  chat: ["max_tokens", "max_completion_tokens"],
  message: ["max_tokens"],
  response: ["max_output_tokens"],
};
/** vLLM's, where a completion says nothing; others go on to the end of the context. */
const UNSAID: Readonly<Partial<Record<Shape, number>>> = { prompts: 16, texts: 16 };

/**
 * What holds decode to `most` tokens an answer: a request that asks for more, or does not say, gets as many, as vLLM itself
 * does it with `max_new_tokens` of `--override-generation-config`. Throws a Failure (400) for what cannot be held to it.
 */
export function answerLimit(call: Call, shape: Shape, most: number | undefined): readonly Edit[] {
  if (most === undefined) return [];
  if ((numberOf(call, "min_tokens") ?? 0) > most)
    throw invalid("min_tokens", `is over the ${most} tokens that an answer may have here`);
  const keys = KEYS[shape];
  const limits = keys.map((key) => numberOf(call, key));
  const value = String(most);
  if (limits.some((limit) => limit !== undefined))
    return keys.filter((_, at) => (limits[at] ?? 0) > most).map((key) => ({ key, value }));
  const [key] = keys;
  const isDefault = scalarOf(call, key) === undefined && (UNSAID[shape] ?? Number.POSITIVE_INFINITY) <= most;
  return isDefault ? [] : [{ key, value }];
}

/** Not there, or null: `undefined`. Engines would also take a number within quotes, in more ways than are known here. */
function numberOf(call: Call, key: string): number | undefined {
  const text = scalarOf(call, key);
  if (text === undefined || text === "null") return undefined;
  if (!/^-?[0-9]/.test(text)) throw invalid(key, "must be a number");
  return Number(text);
}
