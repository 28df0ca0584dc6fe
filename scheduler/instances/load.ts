import type { PolicyName } from "../config/flags.ts";
import type { Load, Sent } from "./account.ts";
import { type Cost, leastInFlight, type Policy } from "./policy.ts";

/** What a KV cache is taken to hold where an engine does not say: only differences between instances count. */
export const KV_TOKENS = 262_144;
/** As everywhere in the field: a token of a prompt is about four bytes. */
const BYTES_PER_TOKEN = 4;

/** Reads vLLM's metrics in Prometheus text. Several series of a name are the ranks of one instance: they add up. */
export function readLoad(metrics: string): Load {
  const waiting = values(metrics, "num_requests_waiting");
  const used = [...values(metrics, "kv_cache_usage_perc"), ...values(metrics, "gpu_cache_usage_perc")];
  return {
    waiting: waiting.length === 0 ? Number.NaN : sum(waiting),
    freeKvTokens: (1 - sum(used) / used.length) * (kvTokens(metrics) || KV_TOKENS),
  };
}

/** What an instance says of its KV cache, and of what it has found there; NaN what it does not say. In tokens. */
export interface CacheTold {
  readonly tokens: number;
  /** Of all prompts since its start, and those of them that were there. */
  readonly queries: number;
  readonly hits: number;
}

export function readCache(metrics: string): CacheTold {
  const count = (what: string) => {
    const names = [`prefix_cache_${what}`, `gpu_prefix_cache_${what}`];
    const found = names.flatMap((name) => [...values(metrics, name), ...values(metrics, `${name}_total`)]);
    return found.length === 0 ? Number.NaN : sum(found);
  };
  return { tokens: kvTokens(metrics) || Number.NaN, queries: count("queries"), hits: count("hits") };
}

/** NaN or 0 when it does not say. */
function kvTokens(metrics: string): number {
  const config = /^vllm:cache_config_info\{(.*)\}/m.exec(metrics)?.[1] ?? "";
  const label = (name: string) => Number(new RegExp(`\\b${name}="([0-9]+)"`).exec(config)?.[1]);
  return label("num_gpu_blocks") * label("block_size");
}

/** What an engine says of itself to people; NaN for what it does not say. */
export interface Telling {
  readonly running: number;
  readonly waiting: number;
  /** Part of its KV cache that is in use, from 0 to 1. */
  readonly kvUsage: number;
}

export function readTelling(metrics: string): Telling {
  const used = [...values(metrics, "kv_cache_usage_perc"), ...values(metrics, "gpu_cache_usage_perc")];
  const total = (name: string) => {
    const found = values(metrics, name);
    return found.length === 0 ? Number.NaN : sum(found);
  };
  return {
    running: total("num_requests_running"),
    waiting: total("num_requests_waiting"),
    kvUsage: sum(used) / used.length,
  };
}

/** What metrics say of one rank, where they tell ranks apart. */
export function ofRank(metrics: string, rank: number | undefined): string {
  if (rank === undefined) return metrics;
  const lines = metrics.split("\n");
  return lines.filter((line) => !line.includes('engine="') || line.includes(`engine="${rank}"`)).join("\n");
}

/** What an engine has done since its start, and what it still has to do, by its metrics. */
export interface Work {
  /** Tokens and steps; only compared. `undefined` when it does not say. */
  readonly done: number | undefined;
  /** Requests. */
  readonly left: number | undefined;
}

export function readWork(metrics: string): Work {
  const total = (...names: string[]) => {
    const found = names.flatMap((name) => values(metrics, name));
    return found.length === 0 ? undefined : sum(found);
  };
  return {
    done: total("prompt_tokens_total", "generation_tokens_total", "iteration_tokens_total_count"),
    left: total("num_requests_running", "num_requests_waiting"),
  };
}

function values(metrics: string, name: string): number[] {
  const series = `vllm:${name}`;
  const found: number[] = [];
  // An engine tells some fifty kilobytes, of which an expression would look at every character.
  for (let at = metrics.indexOf(series); at !== -1; at = metrics.indexOf(series, at + 1)) {
    if (at > 0 && metrics[at - 1] !== "\n") continue;
    const end = metrics.indexOf("\n", at);
    const rest = metrics.slice(at + series.length, end === -1 ? undefined : end);
    const value = Number(/^(?:\{.*\})? ([0-9.eE+-]+)/.exec(rest)?.[1] ?? Number.NaN);
    if (Number.isFinite(value)) found.push(value);
  }
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** What a policy compares: less is better; NaN when the instance does not say. */
interface Signal {
  readonly cost: (load: Load, since: Sent) => number;
  /** The metrics that it is read from, for people. */
  readonly metrics: string;
}

export type LoadPolicy = Exclude<PolicyName, "RoundRobin" | "affinity">;

const SIGNALS: Readonly<Record<LoadPolicy, Signal>> = {
  /** Most free KV cache, less what was sent there since it was asked. */
  FreeKVFirst: {
    cost: ({ freeKvTokens }, { bytes }) => bytes / BYTES_PER_TOKEN - freeKvTokens,
    metrics: "vllm:kv_cache_usage_perc nor vllm:gpu_cache_usage_perc",
  },
  /** Fewest queued requests; what was sent there since it was asked counts as queued. */
  BLB: {
    cost: ({ waiting }, { requests }) => waiting + requests,
    metrics: "vllm:num_requests_waiting",
  },
};

/**
 * Compares instances by what they say about themselves. Unless every ready one says it there is nothing to
 * compare, and the scheduler's own requests in flight decide.
 */
export function byLoad(name: LoadPolicy): Policy {
  const { cost } = SIGNALS[name];
  const byTold: Cost = ({ load, sentSince }) => (load === undefined ? Number.NaN : cost(load, sentSince));
  return (instances) => {
    const comparable = instances.every(({ ready, load }) => !ready || load !== undefined);
    return comparable ? byTold : leastInFlight(instances);
  };
}

/** Why the size of an instance's prefix cache is a guess. */
export function cacheProblem(told: CacheTold | undefined): string | undefined {
  if (told === undefined) return "/metrics does not answer";
  const { tokens, queries, hits } = told;
  if (Number.isNaN(tokens)) return "/metrics has no vllm:cache_config_info with num_gpu_blocks";
  return Number.isNaN(queries + hits) ? "/metrics has no vllm:prefix_cache_queries and _hits" : undefined;
}

/** Why the policy cannot compare an instance that said `load`, if anything, of itself. */
export function loadProblem(name: LoadPolicy, load: Load | undefined): string | undefined {
  if (load === undefined) return "/metrics does not answer";
  const { cost, metrics } = SIGNALS[name];
  return Number.isNaN(cost(load, { requests: 0, bytes: 0 })) ? `/metrics has no ${metrics}` : undefined;
}
