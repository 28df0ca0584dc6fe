import { Failure } from "./errors.ts";
import { type Instance, isReady, noteIdle, type Role } from "./instances.ts";
import { sizeClass } from "./stall.ts";

/** How loaded an instance is; only compared. */
export type Cost = (instance: Instance) => number;

/** By what to compare instances, as things are. */
export type Policy = (instances: readonly Instance[]) => Cost;

const equal: Cost = () => 0;
const inFlight: Cost = (instance) => instance.inFlight;

/** All the same: turns alone decide. */
export const roundRobin: Policy = () => equal;
/** Fewest requests that the scheduler itself has running there. */
export const leastInFlight: Policy = () => inFlight;

/** Chooses among the instances of one role. */
export class Picker {
  readonly role: Role;
  readonly #policy: Policy;
  /** Never changed, only replaced. */
  instances: readonly Instance[];
  #turn = 0;

  constructor(role: Role, policy: Policy, instances: readonly Instance[] = []) {
    this.role = role;
    this.#policy = policy;
    this.instances = instances;
  }

  get anyReady(): boolean {
    return this.instances.some(isReady);
  }

  /** The cheapest ready instance but `not`; among equals the one whose turn it is. */
  pick(not?: Instance): Instance | undefined {
    const { instances } = this;
    const cost = this.#policy(instances);
    let best: number | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let step = 0; step < instances.length; step++) {
      const at = (this.#turn + step) % instances.length;
      const instance = instances[at];
      if (instance === undefined || instance === not || !isReady(instance)) continue;
      const its = cost(instance);
      if (its >= bestCost) continue;
      best = at;
      bestCost = its;
    }
    if (best === undefined) return undefined;
    this.#turn = best + 1;
    return instances[best];
  }

  /**
   * Has `work` done on a chosen instance, and once more when not a byte of an answer came. `bytes` is the size of
   * the request. Throws what `work` throws.
   */
  async run<T>(bytes: number, work: Work<T>): Promise<T> {
    const size = sizeClass(bytes);
    let next = this.pick();
    for (let again = false; ; again = true) {
      if (next === undefined) throw new Failure(`no_${this.role}`);
      const instance = next;
      const { promptSizes } = instance;
      instance.sinceLoad.requests++;
      instance.sinceLoad.bytes += bytes;
      instance.inFlight++;
      promptSizes[size] = (promptSizes[size] ?? 0) + 1;
      try {
        const result = await work(instance, again);
        instance.served++;
        return result;
      } catch (error) {
        blame(instance, error);
        const retry = error instanceof Failure && !again ? error.retry : undefined;
        next = retry && (this.pick(instance) ?? (retry === "any" ? instance : undefined));
        if (next === undefined) throw error;
      } finally {
        instance.inFlight--;
        promptSizes[size] = (promptSizes[size] ?? 0) - 1;
        noteIdle(instance);
      }
    }
  }
}

/** `again`: the second attempt, which must not fail for a reason that the first one has met. */
type Work<T> = (instance: Instance, again: boolean) => Promise<T>;

/** Counts an error that is the instance's fault: not its verdict on a request, nor a client that left. */
function blame({ role, failures }: Instance, error: unknown): void {
  if (!(error instanceof Failure)) return;
  const { code } = error;
  if (code.startsWith(`${role}_`)) failures.set(code, (failures.get(code) ?? 0) + 1);
}
