import { askWhole } from "./ask.ts";
import type { Deadlines } from "./deadlines.ts";
import { engineRequest } from "./engine-request.ts";
import { Failure } from "./errors.ts";
import type { Instance } from "./instances.ts";
import { readLoad } from "./load.ts";
import { StopSignal } from "./stop-signal.ts";

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** One lost answer is not an outage. */
const FAILURES_TO_EJECT = 2;

/** In milliseconds. */
export interface WatchLimits {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Told once per change. */
export interface Observer {
  healthChanged(instance: Instance): void;
  loadLost(instance: Instance): void;
}

/** Keeps asking instances how they are, until `end`. */
export class Watch {
  readonly #deadlines: Deadlines;
  readonly #limits: WatchLimits;
  readonly #observer: Observer;
  readonly #stops = new Set<StopSignal>();
  #ended = false;

  constructor(deadlines: Deadlines, limits: WatchLimits, observer: Observer) {
    this.#deadlines = deadlines;
    this.#limits = limits;
    this.#observer = observer;
  }

  /** Keeps `healthy` up to date. */
  health(instance: Instance): void {
    let failures = 0;
    void this.#repeat(async () => {
      const answer = await this.#get(instance, "/health");
      failures = answer === undefined ? failures + 1 : 0;
      const healthy = answer !== undefined || (instance.healthy && failures < FAILURES_TO_EJECT);
      if (healthy === instance.healthy) return;
      instance.healthy = healthy;
      this.#observer.healthChanged(instance);
    });
  }

  /** Keeps `load` up to date. */
  load(instance: Instance): void {
    void this.#repeat(async () => {
      const at = performance.now();
      const { requests, bytes } = instance.sinceLoad;
      const answer = await this.#get(instance, "/metrics");
      if (answer === undefined) {
        if (instance.load !== undefined) this.#observer.loadLost(instance);
        instance.load = undefined;
        return;
      }
      instance.load = readLoad(answer.toString(), at);
      // What was sent while it answered may be in its numbers or not: it is counted twice rather than never.
      instance.sinceLoad.requests -= requests;
      instance.sinceLoad.bytes -= bytes;
    });
  }

  end(): void {
    this.#ended = true;
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  async #repeat(visit: () => Promise<void>): Promise<void> {
    while (!this.#ended) {
      await visit();
      await new Promise((resolve) => setTimeout(resolve, this.#limits.intervalMs).unref());
    }
  }

  /** The body of a 200; `undefined` for anything else. */
  async #get(instance: Instance, path: string): Promise<Buffer | undefined> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const request = engineRequest(instance, path, "watch", []);
    const { timeoutMs: limitMs } = this.#limits;
    const question = { instance, request, deadlines: this.#deadlines, limitMs, fresh: true, stop };
    const answer = await askWhole(question, MAX_ANSWER_BYTES).catch(() => undefined);
    this.#stops.delete(stop);
    return answer;
  }
}
