import type { Deadlines } from "../data/deadlines.ts";
import { askWhole } from "../engine/ask.ts";
import { engineRequest } from "../engine/request.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import { ofRank, readTelling, type Telling } from "../instances/load.ts";

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const LIMIT_MS = 2000;
/** Between two questions to one instance. */
const INTERVAL_MS = 2000;
/** Between two questions at all, of which each costs up to a millisecond: many instances cost no more than some. */
const PAUSE_MS = 200;

/** Asks instances, one after the other, what they say of themselves, until it is closed. */
export class Tellings {
  readonly #deadlines: Deadlines;
  readonly #instances: () => readonly Instance[];
  readonly #said = new WeakMap<Instance, Telling>();
  readonly #stops = new Set<StopSignal>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(deadlines: Deadlines, instances: () => readonly Instance[]) {
    this.#deadlines = deadlines;
    this.#instances = instances;
    this.#askNext();
  }

  of(instance: Instance): Telling | undefined {
    return this.#said.get(instance);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  #askNext(): void {
    const instances = this.#instances();
    const instance = instances[this.#next++ % Math.max(instances.length, 1)];
    if (instance !== undefined) void this.#ask(instance);
    this.#timer = setTimeout(
      () => this.#askNext(),
      Math.max(PAUSE_MS, INTERVAL_MS / Math.max(instances.length, 1)),
    ).unref();
  }

  async #ask(instance: Instance): Promise<void> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const request = engineRequest(instance, "/metrics", "page", "");
    const question = {
      instance,
      request,
      deadlines: this.#deadlines,
      limitMs: LIMIT_MS,
      fresh: false,
      isCheck: true,
      stop,
    } as const;
    try {
      const answer = await askWhole(question, MAX_ANSWER_BYTES);
      this.#said.set(instance, readTelling(ofRank(answer.toString("latin1"), instance.rank)));
    } catch {
      // It does not say, or not in time: what it said before may not be so any more.
      this.#said.delete(instance);
    } finally {
      this.#stops.delete(stop);
    }
  }
}
