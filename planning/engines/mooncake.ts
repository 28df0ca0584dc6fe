import { found, type Instance, type Layout, npuCount } from "../layout.ts";
import type { ImageTag } from "./image-tag.ts";
import type { PortRange } from "./port-range.ts";

/** What hands KV caches over in vllm-ascend, with the first of its versions that has it. */
export const connectors = {
  MooncakeConnectorV1: [0, 11],
  MooncakeHybridConnector: [0, 20],
  MooncakeLayerwiseConnector: [0, 11],
} as const satisfies Record<string, readonly [number, number]>;

export type Connector = keyof typeof connectors;

export const connectorNames = Object.keys(connectors) as [Connector, ...Connector[]];

export type Side = "prefill" | "decode";

/** How the instances of a role are spread over their NPUs, as the stack file says it. */
export interface Spread {
  readonly tensorParallel?: number | undefined;
  readonly pipelineParallel: number;
  readonly dataParallel: number;
  readonly expertParallel: boolean;
  /** In place of those of `model`. */
  readonly maxNumSeqs?: number | undefined;
  readonly maxNumBatchedTokens?: number | undefined;
}

export interface Mooncake {
  readonly connector: Connector;
  readonly image: ImageTag;
  readonly spread: Readonly<Record<Side, Spread>>;
  /** What the ports of all instances are counted from. */
  readonly kvPort: number;
}

/** Whether decode is asked first, and tells the scheduler where it wants KV cache. */
export const isLayerwise = (mooncake: Pick<Mooncake, "connector"> | undefined): boolean =>
  mooncake?.connector === "MooncakeLayerwiseConnector";

/** Unless the stack file has another: above HCCL's ports and those that Linux gives to outgoing connections. */
export const defaultKvPort = 61_000;

/**
 * Where an instance listens for those that want its KV cache: one port an NPU, of one host. Counted from the first NPU,
 * which no other instance of the host has, in steps of the most NPUs that a host can have: so no two instances meet, and
 * none moves when another comes or goes.
 */
export function kvPorts(kvPort: number, { npus }: Pick<Instance, "npus">): PortRange {
  const first = kvPort + 16 * (npus[0] ?? 0);
  return { first, last: first + npus.length - 1 };
}

/**
 * Where the head of an instance over several hosts waits for the other members: the last of its last NPU's sixteen, of
 * which KV transfer has none: not of another NPU than the first, and of that as many as there are NPUs, which then is one.
 */
export const rpcPort = (kvPort: number, { npus }: Pick<Instance, "npus">): number =>
  kvPort + 16 * (npus.at(-1) ?? 0) + 15;

/** What AscendDirectTransport takes ports from at random, as each engine starts. */
export const transportPorts = (npusOfHost: number): PortRange => ({
  first: 20000,
  last: 20000 + npusOfHost * 1000 - 1,
});

/** The sizes of a role. Without a tensor-parallel size, all NPUs that the others leave, of its first instance. */
export function sizes(
  { spread }: Pick<Mooncake, "spread">,
  { instances }: Pick<Layout, "instances">,
  side: Side,
) {
  const { pipelineParallel, dataParallel, tensorParallel } = spread[side];
  const npus = npuCount(found(instances.find(({ role }) => role === side)));
  const left = Math.max(1, Math.floor(npus / (pipelineParallel * dataParallel)));
  return { tensorParallel: tensorParallel ?? left, pipelineParallel, dataParallel };
}
