import { hash, randomBytes } from "node:crypto";
import type { RemoteKv } from "./remote-kv.ts";
import type { GenerationRequest, Prompt } from "./request.ts";

/** One sample of one prompt, which is what an engine runs. */
export interface Sequence {
  readonly id: string;
  readonly prompt: Prompt;
  readonly sampleHash: string;
  readonly kvParams: GenerationRequest["kvParams"];
  readonly minTokens: number;
  readonly signal: AbortSignal;
  /** Where the KV cache of the prompt is, when another instance computed it. */
  readonly remoteKv: RemoteKv | undefined;
}

/** A request's sequences in the order of its answer's choices; `remoteKvs` has one for each prompt, or none. */
export function sequencesOf(
  { prompts, kvParams, minTokens }: GenerationRequest,
  remoteKvs: readonly RemoteKv[],
  idOf: (prompt: number) => string,
  signal: AbortSignal,
): readonly Sequence[] {
  return prompts.flatMap((prompt, index) => {
    const id = `${idOf(index)}-${randomBytes(4).toString("hex")}`;
    const remoteKv = remoteKvs[index];
    return prompt.hashes.samples.map((sampleHash, sample, { length }) => ({
      id: length === 1 ? id : `${sample}_${id}`,
      prompt,
      sampleHash,
      kvParams,
      minTokens,
      signal,
      remoteKv,
    }));
  });
}

/** How many tokens a sequence gets before it is given back, if it is: that follows from it and the tokens that it has. */
export function preemptedAt(
  { prompt: { made }, sampleHash, kvParams }: Sequence,
  within: number,
): number | undefined {
  if (within === 0 || kvParams?.get("do_remote_decode") === "true") return undefined;
  return 1 + (hash("sha256", `${sampleHash}/${made}/preempt`, "buffer").readUInt32BE() % within);
}
