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

/** Gives the prefixes of a sequence's prompt, which all its samples have: that of 8 MiB takes milliseconds to read. */
export function prefixesIn(call: Call): (sequence: Sequence) => Prefixes {
  const known = new Map<Sequence["edits"], Prefixes>();
  return ({ edits }) => {
    const prefixes = known.get(edits) ?? promptPrefixes(call, edits);
    known.set(edits, prefixes);
    return prefixes;
  };
}

/** By the bytes as the client wrote them: who goes on with a conversation repeats them. */
function promptPrefixes({ body, members }: Call, edits: Sequence["edits"]): Prefixes {
  const own = edits.find(({ key }) => key === "prompt")?.value;
  const parts = PARTS.flatMap((name) => {
    if (name === "prompt" && own !== undefined) return [Buffer.from(own, "latin1")];
    const member = members.find((one) => isKey(body, one, name));
    return member === undefined ? [] : [body.subarray(member.valueStart, member.end)];
  });
  return prefixesOf(parts);
}
