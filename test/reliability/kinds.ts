import type { Overrides } from "../../scheduler/testing/rig.ts";

interface Kind {
  /** As the documentation has it. */
  readonly title: string;
  readonly scheduler: Overrides;
  /** Flags of simulated instances; `prefill` are the addresses of those. */
  flags(role: "prefill" | "decode", prefill: readonly string[]): readonly string[];
}

/** How long prefill keeps what nobody fetches; the scheduler counts a bit longer. */
export const LEASE_SECONDS = 5;

/** The ways in which KV cache is handed over, each as the engines have it that are known for it. */
export const KINDS = {
  vllm: {
    title: "vLLM: NixlConnector",
    scheduler: { handoff: "NixlConnector", kvRelease: "reject" },
    flags: () => ["--kv-connector=NixlConnector"],
  },
  "vllm-ascend": {
    title: "vllm-ascend: MooncakeConnectorV1",
    scheduler: { handoff: "MooncakeConnectorV1", kvRelease: "none" },
    flags: () => ["--kv-connector=MooncakeConnectorV1"],
  },
  ascendcloud: {
    title: "ascendcloud: KV cache by its prompt",
    scheduler: { handoff: "plain", kvRelease: "none" },
    flags: (role, prefill) => [
      "--kv-lookup=prompt",
      ...(role === "decode" ? [`--kv-peers=${prefill.join(",")}`] : []),
    ],
  },
  layerwise: {
    title: "vllm-ascend: decode first",
    scheduler: {
      handoff: "MooncakeLayerwiseConnector",
      kvRelease: "none",
      metaserver: { host: "127.0.0.1", port: 0 },
    },
    flags: () => ["--kv-connector=MooncakeLayerwiseConnector"],
  },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as KindName[];
