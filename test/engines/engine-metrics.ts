/*
 * What an engine's own metrics say of KV cache.
 */

/** Tokens of prompts by where their KV came from: local_compute, local_cache_hit, external_kv_transfer. */
export type PromptTokens = Readonly<Record<string, number>>;

export interface Counts {
  readonly promptTokens: PromptTokens;
  readonly generatedTokens: number;
  /** Requests that run or wait. */
  readonly requests: number;
  /** Blocks in use. */
  readonly blocks: number;
  /** Fetches of KV cache, by the instance that fetches. */
  readonly fetches: number;
  readonly fetchedBytes: number;
  readonly failedFetches: number;
  /** KV caches that nobody has fetched in time. */
  readonly expired: number;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function counts(url: string): Promise<Counts> {
  const samples = parse(await (await fetch(`${url}/metrics`)).text());
  const named = (name: string) => samples.filter((sample) => sample.name === `vllm:${name}`);
  const sum = (name: string) => named(name).reduce((total, { value }) => total + value, 0);
  const [config] = named("cache_config_info");
  return {
    promptTokens: Object.fromEntries(
      named("prompt_tokens_by_source_total").map(({ labels, value }) => [labels.source, value]),
    ),
    generatedTokens: sum("generation_tokens_total"),
    requests: sum("num_requests_running") + sum("num_requests_waiting"),
    blocks: Math.round(sum("kv_cache_usage_perc") * Number(config?.labels.num_gpu_blocks)),
    fetches: sum("nixl_xfer_time_seconds_count"),
    fetchedBytes: sum("nixl_bytes_transferred_sum"),
    failedFetches: sum("nixl_num_failed_transfers_total"),
    expired: sum("nixl_num_kv_expired_reqs_total"),
  };
}

function parse(text: string): Sample[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("vllm:"))
    .map((line) => ({
      name: /^[\w:]+/.exec(line)?.[0] ?? "",
      labels: Object.fromEntries(
        [...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
      value: Number(line.slice(line.lastIndexOf(" "))),
    }));
}
