/** How a KV cache gets from prefill to decode. Each key is a flag of our scheduler, whose help says more. */
export interface Handoff {
  /** What prefill is asked, and decode is given of its answer. */
  readonly handoff: "kv-params" | "plain";
  /** By whose parameters. */
  readonly "kv-connector"?: "MooncakeConnectorV1" | "MooncakeLayerwiseConnector";
  /** Seconds for which prefill keeps what is not fetched. */
  readonly "kv-lease"?: string;
  /** How prefill learns earlier that nobody will. */
  readonly "kv-release"?: "reject";
}

/** What public vLLM wants. */
export const kvParams: Handoff = { handoff: "kv-params" };

/** The scheduler's flags; what it does unasked is left to it, since behind `/generate` it does otherwise. */
export function handoffFlags(handoff: Handoff): string[] {
  const unasked = new Map(Object.entries(kvParams));
  return Object.entries(handoff)
    .filter(([flag, value]) => value !== unasked.get(flag))
    .map(([flag, value]) => `--${flag}=${value}`);
}
