import type { Outcome } from "./client.ts";
import { Distribution } from "./distribution.ts";
import type { Load } from "./load.ts";
import { keeps, type Slo } from "./slo.ts";

export const METRICS = ["ttft", "tpot", "itl", "e2el"] as const;
export type Metric = (typeof METRICS)[number];

/** What a run has shown, with the names of `vllm bench serve`'s results. Times end in their unit; null: not asked for. */
export type Result = {
  readonly request_rate: number | null;
  readonly max_concurrency: number | null;
  /** Seconds from the first request's sending to the last one's end. */
  readonly duration: number;
  readonly num_prompts: number;
  readonly completed: number;
  readonly failed: number;
  /** On their way when it was ended early. */
  readonly cancelled: number;
  readonly total_input_tokens: number;
  readonly total_output_tokens: number;
  readonly request_throughput: number;
  readonly request_goodput: number | null;
  readonly output_throughput: number;
  readonly total_token_throughput: number;
  /** By class: how many, and the words of the first. */
  readonly errors: Readonly<Record<string, { readonly count: number; readonly example: string }>>;
  /** How busy this client was, from 0 to 1. */
  readonly client_utilization: number;
} & {
  readonly [Key in `${"mean" | "median" | "std" | "p90" | "p95" | "p99" | "max"}_${Metric}_ms`]: number;
};

const MOST_CLASSES = 32;

/** Takes the outcomes of a run, one by one. */
export class Tally {
  readonly times: Readonly<Record<Metric, Distribution>> = {
    ttft: new Distribution(),
    tpot: new Distribution(),
    itl: new Distribution(),
    e2el: new Distribution(),
  };
  readonly #slo: Slo | undefined;
  readonly #errors = new Map<string, { count: number; example: string }>();
  completed = 0;
  failed = 0;
  #cancelled = 0;
  #good = 0;
  #inputTokens = 0;
  #outputTokens = 0;

  constructor(slo: Slo | undefined) {
    this.#slo = slo;
  }

  add(outcome: Outcome): void {
    if (outcome.kind === "cancelled") this.#cancelled++;
    else if (outcome.kind === "failed") this.#fail(outcome.what, outcome.detail);
    else {
      const { ttft, e2el, inputTokens, outputTokens } = outcome;
      const tpot = outputTokens > 1 ? (e2el - ttft) / (outputTokens - 1) : undefined;
      this.completed++;
      this.#inputTokens += inputTokens;
      this.#outputTokens += outputTokens;
      this.times.ttft.add(ttft);
      this.times.e2el.add(e2el);
      if (tpot !== undefined) this.times.tpot.add(tpot);
      if (this.#slo !== undefined && keeps(this.#slo, { ttft, tpot, e2el })) this.#good++;
    }
  }

  #fail(what: string, example: string): void {
    this.failed++;
    const name = this.#errors.has(what) || this.#errors.size < MOST_CLASSES ? what : "other";
    const known = this.#errors.get(name);
    if (known === undefined) this.#errors.set(name, { count: 1, example });
    else known.count++;
  }

  /** Of a run of so many seconds. */
  result(load: Load, duration: number, utilization: number): Result {
    const perSecond = (count: number) => (duration > 0 ? count / duration : 0);
    return {
      request_rate: "rate" in load ? load.rate : null,
      max_concurrency: "concurrency" in load ? load.concurrency : null,
      duration,
      num_prompts: this.completed + this.failed + this.#cancelled,
      completed: this.completed,
      failed: this.failed,
      cancelled: this.#cancelled,
      total_input_tokens: this.#inputTokens,
      total_output_tokens: this.#outputTokens,
      request_throughput: perSecond(this.completed),
      request_goodput: this.#slo === undefined ? null : perSecond(this.#good),
      output_throughput: perSecond(this.#outputTokens),
      total_token_throughput: perSecond(this.#inputTokens + this.#outputTokens),
      ...Object.assign({}, ...METRICS.map((metric) => this.#figures(metric))),
      errors: Object.fromEntries(this.#errors),
      client_utilization: utilization,
    };
  }

  #figures(metric: Metric): Record<string, number> {
    const times = this.times[metric];
    const [median = 0, p90 = 0, p95 = 0, p99 = 0] = times.percentiles([50, 90, 95, 99]);
    const figures = { mean: times.mean, median, std: times.deviation, p90, p95, p99, max: times.max };
    return Object.fromEntries(
      Object.entries(figures).map(([name, value]) => [`${name}_${metric}_ms`, value] as const),
    );
  }
}
