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
  /** Not cumulative; the last but one is for what is over all bounds, the last is the sum. */
  readonly #cells: Float64Array;

  /** `cells` has two more than `bounds`. */
  constructor(bounds: readonly number[], cells: Float64Array) {
    this.#bounds = bounds;
    this.#cells = cells;
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at++;
    this.#add(at, 1);
    this.#add(this.#bounds.length + 1, value);
  }

  #add(at: number, value: number): void {
    this.#cells[at] = (this.#cells[at] ?? 0) + value;
  }

  get totals(): { readonly count: number; readonly sum: number } {
    const over = this.#bounds.length;
    let count = 0;
    for (let at = 0; at <= over; at++) count += this.#cells[at] ?? 0;
    return { count, sum: this.#cells[over + 1] ?? 0 };
  }

  samples(labels: Sample["labels"] = {}): Sample[] {
    const over = this.#bounds.length;
    let count = 0;
    const buckets = Array.from(this.#cells.subarray(0, over + 1), (own, at): Sample => {
      count += own;
      return {
        suffix: "_bucket",
        labels: { ...labels, le: String(this.#bounds[at] ?? "+Inf") },
        value: count,
      };
    });
    return [
      ...buckets,
      { suffix: "_sum", labels, value: this.#cells[over + 1] ?? 0 },
      { suffix: "_count", labels, value: count },
    ];
  }
}
