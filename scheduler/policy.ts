import { Failure } from "./errors.ts";
import type { Instance } from "./instances.ts";

/** How loaded an instance is; only compared. */
export type Cost = (instance: Instance) => number;

/** All the same: turns alone decide. */
export const roundRobin: Cost = () => 0;
/** Fewest requests that the scheduler itself has running there. */
export const leastInFlight: Cost = ({ inFlight }) => inFlight;

/** Chooses among the instances of one role. */
export class Picker {
  readonly instances: readonly Instance[];
  readonly #cost: Cost;
  #turn = 0;

  constructor(instances: readonly Instance[], cost: Cost) {
    this.instances = instances;
    this.#cost = cost;
  }

  get anyHealthy(): boolean {
    return this.instances.some(({ healthy }) => healthy);
  }

  /** The cheapest healthy instance but `not`; among equals the one whose turn it is. */
  pick(not?: Instance): Instance | undefined {
    let best: number | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let step = 0; step < this.instances.length; step++) {
      const at = (this.#turn + step) % this.instances.length;
      const instance = this.instances[at];
      if (instance === undefined || instance === not || !instance.healthy) continue;
      const cost = this.#cost(instance);
      if (cost >= bestCost) continue;
      best = at;
      bestCost = cost;
    }
    if (best === undefined) return undefined;
    this.#turn = best + 1;
    return this.instances[best];
  }

  /**
   * Has `work` done on a chosen instance, and once more when not a byte of an answer came. `bytes` is the size of
   * the request. Throws what `work` throws.
   */
  async run<T>(bytes: number, work: Work<T>): Promise<T> {
    const first = this.pick();
    if (first === undefined) throw new Failure(`no_${this.instances[0]?.role ?? "prefill"}`);
    try {
      return await counted(first, bytes, () => work(first, false));
    } catch (error) {
      const retry = error instanceof Failure ? error.retry : undefined;
      const second = retry && (this.pick(first) ?? (retry === "any" ? first : undefined));
      if (second === undefined) throw error;
      return counted(second, bytes, () => work(second, true));
    }
  }
}

/** `again`: the second attempt, which must not fail for a reason that the first one has met. */
type Work<T> = (instance: Instance, again: boolean) => Promise<T>;

async function counted<T>(instance: Instance, bytes: number, work: () => Promise<T>): Promise<T> {
  instance.sinceLoad.requests++;
  instance.sinceLoad.bytes += bytes;
  instance.inFlight++;
  try {
    return await work();
  } finally {
    instance.inFlight--;
  }
}
