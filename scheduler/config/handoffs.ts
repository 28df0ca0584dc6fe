/** A top-level member of a leg's body. */
export interface LegEdit {
  readonly key: string;
  /** JSON text; `undefined` takes the member out. */
  readonly value: string | undefined;
}

/** Made only where the client has the member, and not with one of the values of `unless`. */
export interface EditIfThere extends LegEdit {
  readonly unless?: readonly string[];
}

/** What a request may not ask for: all of `keys`, with values that are neither null nor false. */
export interface Unfit {
  readonly keys: readonly [string, ...string[]];
  /** Only in a chat. */
  readonly inChat?: true;
  readonly reason: string;
}

/** How prefill learns that no decode instance will fetch a KV cache; `none`: it does not, before its lease is over. */
export const RELEASES = ["reject", "none"] as const;
export type Release = (typeof RELEASES)[number];

/** All that the legs of a request are made from, by what hands the KV cache over. */
export interface Handoff {
  /** Always. */
  readonly prefill: readonly LegEdit[];
  readonly prefillIfThere: readonly EditIfThere[];
  /** Whether decode gets the parameters that prefill gives. */
  readonly byParams: boolean;
  /** Whether decode is asked first: it tells the scheduler's metaserver where it wants the KV cache, for prefill to push it. */
  readonly decodeFirst?: boolean;
  /** Each of `n` samples has legs of its own, as prompts have; and beams, which cannot, are decode's alone. */
  readonly splitsSamples: boolean;
  readonly unfit: readonly Unfit[];
  /** How long prefill keeps what is not fetched, as long as nothing else is told to the engine; 0: it keeps nothing. */
  readonly leaseSeconds: number;
  readonly release: Release;
  /**
   * Whether decode that runs out of KV cache may give a request back, `recomputed`, for it to be asked again with the tokens
   * that were made.
   */
  readonly givesBack: boolean;
}

export const KV_PARAMS = "kv_transfer_params";
/** Within them, of a chat that is asked again: the ids of its prompt and of what was made, instead of what it renders. */
export const HISTORY = "_vllm_ascend_recompute_token_ids";

/** What becomes of a request that decode gives back: it is asked again, or ends with an error. */
export const GIVEN_BACK = ["resume", "fail"] as const;
export type GivenBack = (typeof GIVEN_BACK)[number];

/** Asks prefill to keep the KV cache for a decode instance and to say where it is. */
const KEEP: LegEdit = {
  key: KV_PARAMS,
  value:
    '{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,' +
    '"remote_block_ids":null,"remote_host":null,"remote_port":null}',
};
const ONE_TOKEN: readonly LegEdit[] = [
  { key: "max_tokens", value: "1" },
  { key: "stream", value: "false" },
  { key: "stream_options", value: undefined },
];
const NO_MINIMUM: LegEdit = { key: "min_tokens", value: undefined };

const IF_THERE: readonly EditIfThere[] = [
  // Not for every engine. More samples would be computed and kept for nothing.
  { key: "max_completion_tokens", value: "1" },
  { key: "n", value: "1" },
  { key: "best_of", value: "1" },
  // One token is no call of a tool, and some versions of vLLM fail over that.
  { key: "tool_choice", value: '"none"', unless: ["null", '"auto"', '"none"'] },
];

const ONE_MORE: LegEdit = { key: "min_tokens", value: "1" };

const ENDS_DECODE = "with this connector it ends decode engines";
const NO_PROMPT_LOGPROBS: readonly Unfit[] = [
  { keys: ["prompt_logprobs"], reason: ENDS_DECODE },
  { keys: ["echo", "logprobs"], reason: ENDS_DECODE },
  { keys: ["echo"], inChat: true, reason: ENDS_DECODE },
];

export const HANDOFFS = {
  /** vLLM's, which reads. */
  NixlConnector: {
    prefill: [KEEP, ...ONE_TOKEN, NO_MINIMUM],
    prefillIfThere: IF_THERE,
    byParams: true,
    splitsSamples: true,
    unfit: [],
    leaseSeconds: 30,
    release: "reject",
    givesBack: false,
  },
  /** That of vllm-ascend. */
  MooncakeConnectorV1: {
    // It gives parameters only when the length has ended the request, not when an end token or a stop string has.
    prefill: [KEEP, ...ONE_TOKEN, ONE_MORE],
    prefillIfThere: IF_THERE,
    byParams: true,
    splitsSamples: true,
    unfit: NO_PROMPT_LOGPROBS,
    leaseSeconds: 480,
    // Before vllm-ascend 0.26 it knows no other way.
    release: "none",
    givesBack: true,
  },
  /** That of vllm-ascend which pushes each layer as it is computed. */
  MooncakeLayerwiseConnector: {
    prefill: [...ONE_TOKEN, ONE_MORE],
    prefillIfThere: IF_THERE,
    byParams: false,
    decodeFirst: true,
    splitsSamples: true,
    // It counts the token ids of a prompt, which embeddings have not.
    unfit: [...NO_PROMPT_LOGPROBS, { keys: ["prompt_embeds"], reason: ENDS_DECODE }],
    leaseSeconds: 0,
    release: "none",
    givesBack: true,
  },
  /** Engines of the vLLM 0.6.3 line find the KV cache by its prompt. */
  plain: {
    prefill: [{ key: KV_PARAMS, value: undefined }, ...ONE_TOKEN, NO_MINIMUM],
    prefillIfThere: IF_THERE,
    byParams: false,
    splitsSamples: false,
    unfit: [],
    leaseSeconds: 30,
    release: "none",
    givesBack: false,
  },
} as const satisfies Record<string, Handoff>;

export type HandoffName = keyof typeof HANDOFFS;
/** What hands over by parameters. */
export const CONNECTORS = [
  "NixlConnector",
  "MooncakeConnectorV1",
  "MooncakeLayerwiseConnector",
] as const satisfies readonly HandoffName[];

/** Has decode wait for a KV cache that is pushed to it, and say at `url` where to. */
export function pushHere(url: string): string {
  return JSON.stringify({ do_remote_decode: false, do_remote_prefill: true, metaserver: url });
}
