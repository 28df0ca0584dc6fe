/** One line of a metric; `suffix` goes behind its name. */
export interface Sample {
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Names of its labels, without `le`. Their values are the scheduler's own, never a client's. */
  readonly labels: readonly string[];
}

/** Prometheus text, version 0.0.4. */
export function metricsText(families: readonly (readonly [Metric, readonly Sample[]])[]): string {
  return families.map(([metric, samples]) => familyText(metric, samples)).join("");
}

function familyText({ name, type, help }: Metric, samples: readonly Sample[]): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const { suffix = "", labels, value } of samples)
    text += `${name}${suffix}${labelText(labels)} ${value}\n`;
  return text;
}

function labelText(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Counts of observations by size. Nothing is allocated when something is observed. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Not cumulative; the last is for what is over all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds, Number.POSITIVE_INFINITY].map(() => 0);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  samples(labels: Sample["labels"] = {}): Sample[] {
    let count = 0;
    const buckets = this.#counts.map((own, at): Sample => {
      count += own;
      return {
        suffix: "_bucket",
        labels: { ...labels, le: String(this.#bounds[at] ?? "+Inf") },
        value: count,
      };
    });
    return [
      ...buckets,
      { suffix: "_sum", labels, value: this.#sum },
      { suffix: "_count", labels, value: count },
    ];
  }
}
