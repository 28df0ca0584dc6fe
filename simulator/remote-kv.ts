import type { Counters } from "./metrics.ts";
import type { Role } from "./rank-table.ts";
import type { GenerationRequest } from "./request.ts";
import { namesRemoteKv, type Pulled, pullKv, pullKvOfPrompt } from "./transfer.ts";

export interface RemoteKvConfig {
  readonly role: Role;
  /** How decode learns where the KV cache is: from the request's `kv_transfer_params`, or by asking for its prompt. */
  readonly kvLookup: "params" | "prompt";
  /** With `prompt`: the prefill instances that decode asks, as `host:port`. */
  readonly kvPeers: readonly string[];
}

/** A KV cache that another instance computed. */
export interface RemoteKv {
  /** Fetches it, which frees it where it is. All sequences that load it get what the first of them fetched. */
  readonly pull: () => Promise<Pulled>;
  /** KV blocks that it is said to have. */
  readonly blocks: number;
  /** Whether it was only hoped to be there: as in vLLM 0, decode computes the prompt where it is not. */
  readonly optional: boolean;
}

/**
 * The KV cache that each prompt is to be answered from; none when no other instance computed any. As in vLLM, one set
 * of parameters goes to every prompt.
 */
export function remoteKvs(
  { role, kvLookup, kvPeers }: RemoteKvConfig,
  { prompts, kvParams }: GenerationRequest,
  counters: Counters,
): readonly RemoteKv[] {
  const once = (pull: () => Promise<Pulled>) => {
    let pulled: Promise<Pulled> | undefined;
    const counted = async () => {
      const result = await pull();
      counters.pulled[result.failure === undefined ? "ok" : "failed"] += 1;
      return result;
    };
    return () => (pulled ??= counted());
  };
  if (kvLookup === "prompt") {
    if (role !== "decode") return [];
    return prompts.map(({ hashes }) => ({
      pull: once(() => pullKvOfPrompt(kvPeers, hashes.kv)),
      blocks: Number.POSITIVE_INFINITY,
      optional: true,
    }));
  }
  if (kvParams?.get("do_remote_prefill") !== "true" || !namesRemoteKv(kvParams)) return [];
  const named: unknown = JSON.parse(kvParams.get("remote_block_ids") ?? "null");
  const shared: RemoteKv = {
    pull: once(() => pullKv(kvParams, prompts[0]?.hashes.kv ?? "")),
    blocks: Array.isArray(named) ? named.length : 0,
    optional: false,
  };
  return prompts.map(() => shared);
}
