import type { Trace } from "./log.ts";
import { Histogram } from "./metrics.ts";

/** Upper bounds in seconds, those of vLLM, so that the two can be laid over each other. */
const TTFT_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
];
const TPOT_BOUNDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const LEG_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640];
const LAG_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
/** How often the event loop's lag is observed. */
const LAG_INTERVAL_MS = 100;

/** What requests came to, counted from the start on. */
export class Stats {
  /** Counts by path, then by outcome, then by the first digit of the status. */
  readonly requests = new Map<string, Map<string, number[]>>();
  readonly ttft = new Histogram(TTFT_BOUNDS);
  readonly tpot = new Histogram(TPOT_BOUNDS);
  readonly legs = { prefill: new Histogram(LEG_BOUNDS), decode: new Histogram(LEG_BOUNDS) };
  readonly lag = new Histogram(LAG_BOUNDS);
  bytes = 0;
  events = 0;
  recomputed = 0;
  #lagTimer: NodeJS.Timeout | undefined;

  /** A request is over. `path` is one of those that are served, or `other`. */
  ended(path: string, { status = 0, outcome = "", ms, bytes, events, recomputed }: Trace): void {
    const outcomes = entry(this.requests, path, () => new Map<string, number[]>());
    const byStatus = entry(outcomes, outcome, () => [0, 0, 0, 0, 0, 0]);
    const digit = Math.floor(status / 100);
    byStatus[digit] = (byStatus[digit] ?? 0) + 1;

    this.bytes += bytes;
    this.events += events;
    if (recomputed) this.recomputed++;
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
}

/** The value of a key, made when it is not there yet. */
function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
