import { ROUTES } from "../config/routes.ts";
import { ERRORS } from "../errors.ts";
import type { Tokens, Totals, Trace } from "../log.ts";
import { MAX_KEYS } from "../trust/key-file.ts";
import { Histogram, type Sample } from "./metrics.ts";

/** Upper bounds in seconds, those of vLLM, so that the two can be laid over each other. */
const TTFT_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
];
const TPOT_BOUNDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const LEG_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];
const LAG_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
/** How often the event loop's lag is observed. */
const LAG_INTERVAL_MS = 100;

const PATHS = [...new Set(ROUTES.map(({ path }) => path)), "other"];
const OUTCOMES = ["ok", ...Object.keys(ERRORS)];
/** First digits of a status. */
const CLASSES = 6;
const TOTALS = {
  inFlight: 0,
  bytes: 1,
  events: 2,
  recomputed: 3,
  givenBack: 4,
  connections: 5,
  refused: 6,
  buffered: 7,
  waiting: 8,
  spansExported: 9,
  spansDropped: 10,
  promptTokens: 11,
  cachedTokens: 12,
  toldTokens: 13,
  countedTokens: 14,
  end: 15,
} as const;
const REQUEST_CELLS = PATHS.length * OUTCOMES.length * CLASSES;
const HISTOGRAMS = {
  ttft: TTFT_BOUNDS,
  tpot: TPOT_BOUNDS,
  prefill: LEG_BOUNDS,
  decode: LEG_BOUNDS,
  lag: LAG_BOUNDS,
};
const HISTOGRAM_CELLS = Object.values(HISTOGRAMS).reduce((sum, { length }) => sum + length + 2, 0);
/** Kinds of tokens that are counted. */
const KINDS = ["prompt", "cached", "generated"] as const;
/** For each name of keys, and one for those that are beyond: requests by class of status, then tokens by kind. */
const KEY_COLUMNS = CLASSES + KINDS.length;
const KEY_CELLS = (MAX_KEYS + 1) * KEY_COLUMNS;
const KEYS_AT = TOTALS.end + REQUEST_CELLS + HISTOGRAM_CELLS;
const CELLS = KEYS_AT + KEY_CELLS;

/** What one thread's requests came to, counted from the start on, in memory that other threads can read. */
export class Stats implements Totals {
  readonly memory: SharedArrayBuffer;
  readonly ttft: Histogram;
  readonly tpot: Histogram;
  readonly legs: { readonly prefill: Histogram; readonly decode: Histogram };
  readonly lag: Histogram;
  /** Of keys, by place. */
  keyNames: readonly string[] = [];
  readonly #cells: Float64Array;
  #lagTimer: NodeJS.Timeout | undefined;

  constructor(memory = new SharedArrayBuffer(8 * CELLS)) {
    this.memory = memory;
    this.#cells = new Float64Array(memory);
    let at = TOTALS.end + REQUEST_CELLS;
    const histogram = (bounds: readonly number[]) => {
      const start = at;
      at += bounds.length + 2;
      return new Histogram(bounds, this.#cells.subarray(start, at));
    };
    this.ttft = histogram(HISTOGRAMS.ttft);
    this.tpot = histogram(HISTOGRAMS.tpot);
    this.legs = { prefill: histogram(HISTOGRAMS.prefill), decode: histogram(HISTOGRAMS.decode) };
    this.lag = histogram(HISTOGRAMS.lag);
  }

  /** Those of several threads as one. */
  static sum(all: readonly Stats[]): Stats {
    const total = new Stats();
    for (const { memory } of all)
      for (const [at, value] of new Float64Array(memory).entries()) total.#add(at, value);
    return total;
  }

  /** Requests whose head has been read and that are not over. */
  get inFlight(): number {
    return this.#cells[TOTALS.inFlight] ?? 0;
  }

  set inFlight(count: number) {
    this.#cells[TOTALS.inFlight] = count;
  }

  get bytes(): number {
    return this.#cells[TOTALS.bytes] ?? 0;
  }

  get events(): number {
    return this.#cells[TOTALS.events] ?? 0;
  }

  get recomputed(): number {
    return this.#cells[TOTALS.recomputed] ?? 0;
  }

  get givenBack(): number {
    return this.#cells[TOTALS.givenBack] ?? 0;
  }

  get connections(): number {
    return this.#cells[TOTALS.connections] ?? 0;
  }

  set connections(count: number) {
    this.#cells[TOTALS.connections] = count;
  }

  /** Connections for which there was no room. */
  get refused(): number {
    return this.#cells[TOTALS.refused] ?? 0;
  }

  get buffered(): number {
    return this.#cells[TOTALS.buffered] ?? 0;
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#cells[TOTALS.waiting] ?? 0;
  }

  set waiting(count: number) {
    this.#cells[TOTALS.waiting] = count;
  }

  /** Memory for that number alone. */
  get bufferedCell(): Float64Array {
    return this.#cells.subarray(TOTALS.buffered, TOTALS.buffered + 1);
  }

  get spans(): { readonly exported: number; readonly dropped: number } {
    return {
      exported: this.#cells[TOTALS.spansExported] ?? 0,
      dropped: this.#cells[TOTALS.spansDropped] ?? 0,
    };
  }

  countSpans(exported: number, dropped: number): void {
    this.#add(TOTALS.spansExported, exported);
    this.#add(TOTALS.spansDropped, dropped);
  }

  /** Nothing is left of what the thread had running. */
  forget(): void {
    this.inFlight = 0;
    this.connections = 0;
    this.waiting = 0;
    this.bufferedCell.fill(0);
  }

  refuse(): void {
    this.#add(TOTALS.refused, 1);
  }

  addBytes(count: number): void {
    this.#add(TOTALS.bytes, count);
  }

  addEvents(count: number): void {
    this.#add(TOTALS.events, count);
  }

  /** A request is over. `path` is one of those that are served, or `other`. */
  ended(path: string, trace: Trace): void {
    const { key, status = 0, outcome = "", ms, events, recomputed, givenBack = 0, tokens } = trace;
    const digit = Math.floor(status / 100);
    if (tokens !== undefined) this.#addTokens(tokens, key);
    this.#add(requestCell(PATHS.indexOf(path), OUTCOMES.indexOf(outcome), digit), 1);
    if (key !== undefined) this.#add(keyCell(this.keyNames.indexOf(key), digit), 1);
    if (recomputed) this.#add(TOTALS.recomputed, 1);
    this.#add(TOTALS.givenBack, givenBack);
    const { body = 0, prefill, firstEvent, lastEvent, total = 0 } = ms;
    if (firstEvent !== undefined) {
      this.ttft.observe(firstEvent / 1000);
      if (lastEvent !== undefined && events > 1) {
        this.tpot.observe((lastEvent - firstEvent) / (events - 1) / 1000);
      }
    }
    if (prefill !== undefined) {
      this.legs.prefill.observe((prefill - body) / 1000);
      if (outcome === "ok") this.legs.decode.observe((total - prefill) / 1000);
    }
  }

  #addTokens({ prompt = 0, cached = 0, generated = 0, by }: Tokens, key: string | undefined): void {
    this.#add(TOTALS.promptTokens, prompt);
    this.#add(TOTALS.cachedTokens, cached);
    this.#add(by === "usage" ? TOTALS.toldTokens : TOTALS.countedTokens, generated);
    if (key === undefined) return;
    const at = keyCell(this.keyNames.indexOf(key), CLASSES);
    for (const [kind, count] of [prompt, cached, generated].entries()) this.#add(at + kind, count);
  }

  get promptTokens(): number {
    return this.#cells[TOTALS.promptTokens] ?? 0;
  }

  get cachedTokens(): number {
    return this.#cells[TOTALS.cachedTokens] ?? 0;
  }

  /** By who has counted them. */
  get generatedTokens(): { readonly usage: number; readonly events: number } {
    return { usage: this.#cells[TOTALS.toldTokens] ?? 0, events: this.#cells[TOTALS.countedTokens] ?? 0 };
  }

  /** Tokens of requests that came with keys of which name; none that no request has. */
  keyTokenSamples(names: readonly string[]): Sample[] {
    return [...names.entries(), [-1, "other"] as const].flatMap(([place, key]) =>
      KINDS.map((kind, at): Sample => {
        const value = this.#cells[keyCell(place, CLASSES + at)] ?? 0;
        return { labels: { key, kind }, value };
      }).filter(({ value }) => value > 0),
    );
  }

  /** How many requests have ended in which way; none that no request has. */
  requestSamples(): Sample[] {
    const samples: Sample[] = [];
    for (const [pathAt, path] of PATHS.entries()) {
      for (const [outcomeAt, outcome] of OUTCOMES.entries()) {
        for (let digit = 0; digit < CLASSES; digit++) {
          const value = this.#cells[requestCell(pathAt, outcomeAt, digit)] ?? 0;
          if (value > 0) samples.push({ labels: { path, outcome, status: `${digit}xx` }, value });
        }
      }
    }
    return samples;
  }

  /** How many requests came with keys of which name; none that no request has. */
  keySamples(names: readonly string[]): Sample[] {
    return [...names.entries(), [-1, "other"] as const].flatMap(([place, key]) =>
      Array.from({ length: CLASSES }, (_, digit): Sample => {
        const value = this.#cells[keyCell(place, digit)] ?? 0;
        return { labels: { key, status: `${digit}xx` }, value };
      }).filter(({ value }) => value > 0),
    );
  }

  /** Begins to observe how late the event loop comes to what is due. */
  watchLag(): void {
    let due = performance.now() + LAG_INTERVAL_MS;
    this.#lagTimer = setInterval(() => {
      const now = performance.now();
      this.lag.observe(Math.max(0, now - due) / 1000);
      due = now + LAG_INTERVAL_MS;
    }, LAG_INTERVAL_MS).unref();
  }

  close(): void {
    clearInterval(this.#lagTimer);
  }

  #add(at: number, value: number): void {
    this.#cells[at] = (this.#cells[at] ?? 0) + value;
  }
}

function requestCell(path: number, outcome: number, digit: number): number {
  return TOTALS.end + (path * OUTCOMES.length + outcome) * CLASSES + digit;
}

/** `place` is -1 for a name that has none. */
function keyCell(place: number, column: number): number {
  return KEYS_AT + (place === -1 ? MAX_KEYS : place) * KEY_COLUMNS + column;
}
