import { askWhole } from "./ask.ts";
import type { Deadlines } from "./deadlines.ts";
import { engineRequest } from "./engine-request.ts";
import { Failure } from "./errors.ts";
import type { Instance } from "./instances.ts";
import { type LoadPolicy, loadProblem, readLoad } from "./load.ts";
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
  /** Of `loadProblem`. */
  loadChanged(instance: Instance): void;
}

/** Keeps asking instances how they are, until `forget` or `end`. */
export class Watch {
  readonly #deadlines: Deadlines;
  readonly #limits: WatchLimits;
  readonly #observer: Observer;
  readonly #loadPolicy: LoadPolicy | undefined;
  readonly #watched = new Set<Instance>();
  readonly #stops = new Set<StopSignal>();

  /** `loadPolicy`: for which prefill instances are asked for their load. */
  constructor(
    deadlines: Deadlines,
    limits: WatchLimits,
    loadPolicy: LoadPolicy | undefined,
    observer: Observer,
  ) {
    this.#deadlines = deadlines;
    this.#limits = limits;
    this.#loadPolicy = loadPolicy;
    this.#observer = observer;
  }

  /** Keeps its `healthy`, `load` and `loadProblem` up to date. */
  add(instance: Instance): void {
    this.#watched.add(instance);
    this.#health(instance);
    if (this.#loadPolicy !== undefined && instance.role === "prefill") this.#load(instance, this.#loadPolicy);
  }

  forget(instance: Instance): void {
    this.#watched.delete(instance);
  }

  #health(instance: Instance): void {
    let failures = 0;
    void this.#repeat(instance, "/health", () => (answer) => {
      failures = answer === undefined ? failures + 1 : 0;
      const healthy = answer !== undefined || (instance.healthy && failures < FAILURES_TO_EJECT);
      if (healthy === instance.healthy) return;
      instance.healthy = healthy;
      this.#observer.healthChanged(instance);
    });
  }

  #load(instance: Instance, policy: LoadPolicy): void {
    const { sinceLoad } = instance;
    void this.#repeat(instance, "/metrics", () => {
      const { requests, bytes } = sinceLoad;
      return (answer) => {
        instance.load = answer && readLoad(answer.toString());
        if (answer !== undefined) {
          // What was sent while it answered may be in its numbers or not: it is counted twice rather than never.
          sinceLoad.requests -= requests;
          sinceLoad.bytes -= bytes;
        }
        const problem = loadProblem(policy, instance);
        if (problem === instance.loadProblem) return;
        instance.loadProblem = problem;
        this.#observer.loadChanged(instance);
      };
    });
  }

  end(): void {
    this.#watched.clear();
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  /** `asking` is called before each question and gives who hears its answer. */
  async #repeat(
    instance: Instance,
    path: string,
    asking: () => (answer: Buffer | undefined) => void,
  ): Promise<void> {
    while (this.#watched.has(instance)) {
      const hear = asking();
      const answer = await this.#get(instance, path);
      if (!this.#watched.has(instance)) return;
      hear(answer);
      await new Promise((resolve) => setTimeout(resolve, this.#limits.intervalMs).unref());
    }
  }

  /** The body of a 200; `undefined` for anything else. */
  async #get(instance: Instance, path: string): Promise<Buffer | undefined> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const request = engineRequest(instance, path, "watch", "");
    const { timeoutMs: limitMs } = this.#limits;
    const question = { instance, request, deadlines: this.#deadlines, limitMs, fresh: true, stop };
    const answer = await askWhole(question, MAX_ANSWER_BYTES).catch(() => undefined);
    this.#stops.delete(stop);
    return answer;
  }
}
