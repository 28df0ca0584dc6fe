import { type Prefixes, prefixesOf } from "../instances/prefixes.ts";
import { isKey } from "../json/spans.ts";
import type { Call } from "./call.ts";
import type { Sequence } from "./sequences.ts";

/**
 * What a prompt is made of, in the order in which templates have it: tools and system come before what was said. Prompts of
 * another model, or another salt, share no KV cache.
 */
const PARTS = [
  "model",
  "cache_salt",
  "tools",
  "system",
  "instructions",
  "messages",
  "input",
  "prompt",
] as const;

/** By the bytes as the client wrote them: who goes on with a conversation repeats them. */
export function promptPrefixes({ body, members }: Call, { edits }: Sequence): Prefixes {
  const own = edits.find(({ key }) => key === "prompt")?.value;
  const parts = PARTS.flatMap((name) => {
    if (name === "prompt" && own !== undefined) return [Buffer.from(own, "latin1")];
    const member = members.find((one) => isKey(body, one, name));
    return member === undefined ? [] : [body.subarray(member.valueStart, member.end)];
  });
  return prefixesOf(parts);
}
