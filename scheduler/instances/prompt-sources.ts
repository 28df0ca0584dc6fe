/** Where the tokens of prompts came from that an engine has had since its start. */
export interface PromptSources {
  /** Computed by another instance, and transferred. */
  readonly external_kv_transfer: number;
  /** In its own prefix cache. */
  readonly local_cache_hit: number;
  readonly local_compute: number;
}

export const SOURCES = ["external_kv_transfer", "local_cache_hit", "local_compute"] as const;

const SERIES = "vllm:prompt_tokens_by_source";
const LINE = /^(?:_total)?\{(?:[^}]*,)?source="(\w+)"[^}]*\} ([0-9.eE+-]+)/;

/** What vLLM's metrics say; `undefined` where they do not. Several series of a source are ranks, and add up. */
export function readSources(metrics: string): PromptSources | undefined {
  const found = { external_kv_transfer: 0, local_cache_hit: 0, local_compute: 0 };
  let isTold = false;
  for (let at = metrics.indexOf(SERIES); at !== -1; at = metrics.indexOf(SERIES, at + 1)) {
    if (at > 0 && metrics[at - 1] !== "\n") continue;
    const end = metrics.indexOf("\n", at);
    const [, written, value] =
      LINE.exec(metrics.slice(at + SERIES.length, end === -1 ? undefined : end)) ?? [];
    const source = SOURCES.find((one) => one === written);
    if (source === undefined || !Number.isFinite(Number(value))) continue;
    found[source] += Number(value);
    isTold = true;
  }
  return isTold ? found : undefined;
}

/** Looks that are compared: with the default interval a minute. */
const WINDOW = 7;
/** So many tokens tell more than a few short prompts, of which each has its last token computed anew. */
const ENOUGH = 1000;
const MIN_SHARE = 0.5;

/** What becomes of prompts at a decode instance. */
export class PromptWatch {
  #looks: readonly PromptSources[] = [];
  /**
   * Of the prompt tokens of the last minute that it had not cached: the part that was transferred, from 0 to 1; NaN where there were none.
   */
  share = Number.NaN;
  /** Whether it computes prompts itself that prefill was to compute. Stays as it is while too little comes to tell. */
  computes = false;

  look(now: PromptSources | undefined): void {
    const before = this.#looks.at(-1);
    // An engine that was started anew counts from 0.
    const goesOn =
      now !== undefined && before !== undefined && SOURCES.every((one) => now[one] >= before[one]);
    this.#looks = now === undefined ? [] : [...(goesOn ? this.#looks : []), now].slice(-WINDOW);
    const [first] = this.#looks;
    if (now === undefined || first === undefined) {
      this.share = Number.NaN;
      return;
    }
    const transferred = now.external_kv_transfer - first.external_kv_transfer;
    const all = transferred + now.local_compute - first.local_compute;
    this.share = all === 0 ? Number.NaN : transferred / all;
    if (all >= ENOUGH) this.computes = this.share < MIN_SHARE;
  }
}
