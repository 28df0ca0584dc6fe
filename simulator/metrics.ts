/** Upper bounds in seconds, vLLM's. */
const TTFT_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];

export type FinishReason = "stop" | "length" | "abort" | "error";
export type RecomputeReason = "no_params" | "incomplete_params" | "load_failure" | "not_found";

/** What an engine counts from its start on. */
export class Counters {
  promptTokens = 0;
  readonly promptTokensBySource = { local_compute: 0, local_cache_hit: 0, external_kv_transfer: 0 };
  generationTokens = 0;
  prefixQueries = 0;
  prefixHits = 0;
  kvExpired = 0;
  kvFreed = 0;
  admissionRejections = 0;
  readonly finished: Record<FinishReason, number> = { stop: 0, length: 0, abort: 0, error: 0 };
  readonly recomputed: Record<RecomputeReason, number> = {
    no_params: 0,
    incomplete_params: 0,
    load_failure: 0,
    not_found: 0,
  };
  readonly pulled = { ok: 0, failed: 0 };
  readonly ttft = { buckets: TTFT_BUCKETS.map(() => 0), sum: 0, count: 0 };

  observeTtft(seconds: number): void {
    TTFT_BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) this.ttft.buckets[index] = (this.ttft.buckets[index] ?? 0) + 1;
    });
    this.ttft.sum += seconds;
    this.ttft.count += 1;
  }
}

/** What an engine holds right now. */
export interface Gauges {
  readonly running: number;
  readonly waiting: number;
  readonly kvBlocks: number;
  readonly kvBlocksUsed: number;
  readonly kvBlocksLeased: number;
}

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [suffix: string, labels: Labels, value: number];
type Family = readonly [name: string, type: string, help: string, samples: readonly Sample[]];

interface Names {
  readonly servedModelName: string;
  readonly blockSize: number;
}

/** What one data-parallel rank says. */
export interface Told {
  readonly gauges: Gauges;
  readonly counters: Counters;
}

/** Prometheus text. `vllm:` names are those of vLLM, old and new; `simulator:` names are this program's own. */
export function renderMetrics(names: Names, ranks: readonly Told[]): string {
  const [first = [], ...others] = ranks.map((told, rank) => families(names, told, rank));
  return first
    .map(([name, type, help, samples], at): Family => {
      const all = others.flatMap((rank) => rank[at]?.[3] ?? []);
      return [name, type, help, [...samples, ...all]];
    })
    .map(familyText)
    .join("");
}

function families({ servedModelName, blockSize }: Names, { gauges, counters }: Told, rank: number): Family[] {
  const {
    promptTokens,
    promptTokensBySource,
    generationTokens,
    prefixQueries,
    prefixHits,
    finished,
    ttft,
    kvExpired,
    kvFreed,
    admissionRejections,
    pulled,
    recomputed,
  } = counters;
  const common = { model_name: servedModelName, engine: rank };
  const one = (value: number): Sample[] => [["", common, value]];
  const by = (label: string, values: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(values).map(([key, value]) => ["", { ...common, [label]: key }, value]);
  const bucket = (bound: number | string, count: number): Sample => [
    "_bucket",
    { ...common, le: bound },
    count,
  ];
  const cacheConfig = { block_size: blockSize, engine: rank, num_gpu_blocks: gauges.kvBlocks };
  const usage = gauges.kvBlocksUsed / gauges.kvBlocks;
  const ttftSamples: Sample[] = [
    ...TTFT_BUCKETS.map((bound, index) => bucket(bound, ttft.buckets[index] ?? 0)),
    bucket("+Inf", ttft.count),
    ["_sum", common, ttft.sum],
    ["_count", common, ttft.count],
  ];
  return [
    ["vllm:num_requests_running", "gauge", "Requests in the batch.", one(gauges.running)],
    ["vllm:num_requests_waiting", "gauge", "Requests waiting for a place.", one(gauges.waiting)],
    ["vllm:kv_cache_usage_perc", "gauge", "KV cache usage, 1 is all of it.", one(usage)],
    ["vllm:gpu_cache_usage_perc", "gauge", "The same under its name in vLLM v0.", one(usage)],
    ["vllm:cache_config_info", "gauge", "The size of the KV cache.", [["", cacheConfig, 1]]],
    ["vllm:prompt_tokens_total", "counter", "Prompt tokens processed.", one(promptTokens)],
    [
      "vllm:prompt_tokens_by_source_total",
      "counter",
      "The same by where they came from.",
      by("source", promptTokensBySource),
    ],
    ["vllm:generation_tokens_total", "counter", "Tokens generated.", one(generationTokens)],
    ["vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked up.", one(prefixQueries)],
    ["vllm:prefix_cache_hits_total", "counter", "Those that were there.", one(prefixHits)],
    ["vllm:request_success_total", "counter", "Finished requests.", by("finished_reason", finished)],
    [
      "vllm:admission_rejections_total",
      "counter",
      "Requests not taken.",
      [["", { model_name: servedModelName, reason: "max_num_queued_reqs" }, admissionRejections]],
    ],
    ["vllm:time_to_first_token_seconds", "histogram", "Time to first token.", ttftSamples],
    ["simulator:kv_blocks_leased", "gauge", "Blocks kept for a decode.", one(gauges.kvBlocksLeased)],
    ["simulator:kv_leases_expired_total", "counter", "Leases that no decode pulled.", one(kvExpired)],
    ["simulator:kv_leases_freed_total", "counter", "Leases of requests that decode refused.", one(kvFreed)],
    ["simulator:kv_pulls_total", "counter", "Pulls from a prefill.", by("result", pulled)],
    ["simulator:recomputed_total", "counter", "Prefills that decode did.", by("reason", recomputed)],
  ];
}

function familyText([name, type, help, samples]: Family): string {
  const lines = samples.map(([suffix, labels, value]) => `${name}${suffix}{${labelText(labels)}} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const escaped = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(`${value}`)}"`)
    .join(",");
}
