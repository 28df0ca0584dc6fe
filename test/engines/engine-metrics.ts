/*
 * What an engine's own metrics say of KV cache.
 */

/** Tokens of prompts by where their KV came from: local_compute, local_cache_hit, external_kv_transfer. */
export type PromptTokens = Readonly<Record<string, number>>;

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function promptTokens(url: string): Promise<PromptTokens> {
  const samples = await read(url, "vllm:prompt_tokens_by_source_total");
  return Object.fromEntries(samples.map(({ labels, value }) => [labels.source, value]));
}

/** Blocks in use. */
export async function blocksHeld(url: string): Promise<number> {
  const [[usage], [config]] = await Promise.all([
    read(url, "vllm:kv_cache_usage_perc"),
    read(url, "vllm:cache_config_info"),
  ]);
  return Math.round((usage?.value ?? 0) * Number(config?.labels.num_gpu_blocks));
}

async function read(url: string, name: string): Promise<Sample[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => ({
      name,
      labels: Object.fromEntries(
        [...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
      value: Number(line.slice(line.lastIndexOf(" "))),
    }));
}
