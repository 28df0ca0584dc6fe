import type { Instance } from "./instances.ts";
import type { Cost } from "./policy.ts";

/** What an instance says about itself on /metrics. */
export interface Load {
  /** `performance.now()` when it was asked. */
  readonly at: number;
  /** Requests that wait for their turn; `undefined` when it does not say. */
  readonly waiting: number | undefined;
  /** Tokens of KV cache that are free; `undefined` when it does not say. */
  readonly freeKvTokens: number | undefined;
}

/** Older numbers say nothing about now. */
const FRESH_MS = 5000;
/** For engines that tell only a fraction: only differences between instances count. */
const ASSUMED_KV_TOKENS = 262_144;
/** As everywhere in the field: a token of a prompt is about four bytes. */
const BYTES_PER_TOKEN = 4;

/** Reads vLLM's metrics in Prometheus text. Several series of a name are the ranks of one instance. */
export function readLoad(metrics: string, at: number): Load {
  const waiting = values(metrics, "num_requests_waiting");
  const used = [...values(metrics, "kv_cache_usage_perc"), ...values(metrics, "gpu_cache_usage_perc")];
  const config = /^vllm:cache_config_info\{(.*)\}/m.exec(metrics)?.[1] ?? "";
  const label = (name: string) => Number(new RegExp(`\\b${name}="([0-9]+)"`).exec(config)?.[1]);
  const capacity = label("num_gpu_blocks") * label("block_size") || ASSUMED_KV_TOKENS;
  return {
    at,
    waiting: waiting.length === 0 ? undefined : sum(waiting),
    freeKvTokens: used.length === 0 ? undefined : (1 - sum(used) / used.length) * capacity,
  };
}

function values(metrics: string, name: string): number[] {
  const lines = metrics.matchAll(new RegExp(`^vllm:${name}(?:\\{.*\\})? ([0-9.eE+-]+)`, "gm"));
  return [...lines].map(([, value]) => Number(value)).filter(Number.isFinite);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

type Measure = (load: Load, since: Instance["sinceLoad"]) => number | undefined;

/** BLB: fewest queued requests; what was sent there since it was asked counts as queued. */
export const fewestWaiting: Measure = ({ waiting }, { requests }) =>
  waiting === undefined ? undefined : waiting + requests;

/** FreeKVFirst: most free KV cache, less what was sent there since it was asked. */
export const mostFreeKv: Measure = ({ freeKvTokens }, { bytes }) =>
  freeKvTokens === undefined ? undefined : bytes / BYTES_PER_TOKEN - freeKvTokens;

/**
 * Compares `instances` by what they say about themselves. Unless every healthy one has said it lately there is
 * nothing to compare, and the scheduler's own requests in flight decide.
 */
export function byLoad(instances: readonly Instance[], measure: Measure): Cost {
  const measured = ({ load, sinceLoad }: Instance) =>
    load !== undefined && performance.now() - load.at < FRESH_MS ? measure(load, sinceLoad) : undefined;
  return (instance) => {
    const comparable = instances.every((other) => !other.healthy || measured(other) !== undefined);
    return comparable ? (measured(instance) ?? 0) : instance.inFlight;
  };
}
