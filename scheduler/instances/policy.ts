import { Failure } from "../errors.ts";
import { FAULTS } from "./account.ts";
import type { Instance, Role } from "./instances.ts";
import type { Prefixes } from "./prefixes.ts";
import { RetryBudget } from "./retries.ts";

/** How loaded an instance is; only compared. */
export type Cost = (instance: Instance) => number;

/** By what to compare instances, as things are, for a prompt where it is known. */
export type Policy = (instances: readonly Instance[], prefixes?: Prefixes) => Cost;

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
  /** Shared with the pickers of other threads. */
  readonly #turn: Int32Array;
  /** Never changed, only replaced. */
  instances: readonly Instance[] = [];

  /** Of both roles. */
  readonly #retries: RetryBudget;

  /** `turn` is memory for one number. */
  constructor(role: Role, policy: Policy, turn: Int32Array, retries = new RetryBudget()) {
    this.#retries = retries;
    this.role = role;
    this.#policy = policy;
    this.#turn = turn;
  }

  /** One that has no choice but this. */
  of(instance: Instance): Picker {
    const only = new Picker(this.role, this.#policy, new Int32Array(1), this.#retries);
    only.instances = [instance];
    return only;
  }

  get anyReady(): boolean {
    return this.ready > 0;
  }

  /** How many are. */
  get ready(): number {
    let count = 0;
    for (const instance of this.instances) if (instance.ready) count++;
    return count;
  }

  /** Whether one is ready that is none of `not`. */
  hasReady(not: readonly Instance[]): boolean {
    return this.instances.some((instance) => instance.ready && !not.includes(instance));
  }

  /**
   * The cheapest ready instance that is none of `not`, and may fetch KV cache `from` that prefill instance; among equals the
   * one whose turn it is.
   */
  pick(not: readonly Instance[], prefixes?: Prefixes, from?: Instance): Instance | undefined {
    const { instances } = this;
    const cost = this.#policy(instances, prefixes);
    const turn = Atomics.load(this.#turn, 0);
    let best: number | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let step = 0; step < instances.length; step++) {
      const at = (turn + step) % instances.length;
      const instance = instances[at];
      if (instance === undefined || !instance.ready || not.includes(instance)) continue;
      if (from !== undefined && instance.pairs.bars(from.place)) continue;
      const its = cost(instance);
      if (its >= bestCost) continue;
      best = at;
      bestCost = its;
    }
    if (best === undefined) return undefined;
    Atomics.store(this.#turn, 0, best + 1);
    return instances[best];
  }

  /** The ranks of the server that `instance` is one of, or is. */
  #beside({ pool }: Instance): Instance[] {
    return this.instances.filter((other) => other.pool.authority === pool.authority);
  }

  /**
   * Has `work` done on a chosen instance, once more when not a byte of an answer came, and on another for each that is
   * busy. `bytes` is the size of the request, `prefixes` are those of its prompt. Throws what `work` throws; with `busy`, to which one that is busy is added,
   * also that it is. `from`: who has what decode is to fetch.
   */
  async run<T>(
    bytes: number,
    work: Work<T>,
    busy?: Instance[],
    prefixes?: Prefixes,
    from?: Instance,
  ): Promise<T> {
    const not = busy ?? [];
    let next = this.pick(not, prefixes, from);
    this.#retries.earn();
    for (let again = false; ; ) {
      if (next === undefined) throw new Failure(`no_${this.role}`);
      const instance = next;
      const units = instance.take(bytes, prefixes);
      try {
        // Another thread may have begun to drain it since: either it has seen this request, or this sees the drain.
        if (instance.draining) {
          next = this.pick([...not, instance], prefixes, from);
          continue;
        }
        const result = await work(instance, again || not.length > 0);
        instance.serve();
        return result;
      } catch (error) {
        blame(instance, error);
        if (from !== undefined && isOfTransfer(error)) instance.pairs.suspect(from.place);
        if (!(error instanceof Failure)) throw error;
        if (error.isBusy) {
          not.push(instance);
          next = busy === undefined && this.#retries.spend() ? this.pick(not, prefixes, from) : undefined;
        } else {
          const retry = again ? undefined : error.retry;
          const others = [...not, ...this.#beside(instance)];
          next = retry && (this.pick(others, prefixes, from) ?? (retry === "any" ? instance : undefined));
          again = true;
        }
        if (next === undefined) throw error;
      } finally {
        instance.end(bytes, units);
      }
    }
  }
}

/** `again`: the second attempt, which must not fail for a reason that the first one has met. */
type Work<T> = (instance: Instance, again: boolean) => Promise<T>;

/** Whether it may be that a decode instance has not got the KV cache: it does not say. */
function isOfTransfer(error: unknown): boolean {
  return error instanceof Failure && (error.code === "decode_failed" || error.code === "decode_timeout");
}

/** Counts an error that is the instance's fault: not its verdict on a request, nor a client that left. */
function blame(instance: Instance, error: unknown): void {
  if (!(error instanceof Failure)) return;
  const kind = FAULTS.find((fault) => error.code === `${instance.role}_${fault}`);
  if (kind !== undefined) instance.fail(kind);
}
