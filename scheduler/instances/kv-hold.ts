import type { Deadline, Deadlines } from "../data/deadlines.ts";
import type { Instance } from "./instances.ts";

/** The KV cache of one prompt, which a prefill instance keeps until a decode instance has fetched it. */
export class KvHold {
  readonly instance: Instance;
  readonly #deadlines: Deadlines;
  readonly #leaseMs: number;
  #lease: Deadline | undefined;
  #isHeld = true;
  /** Whether a decode instance that was asked may still fetch it, although nobody waits for its answer. */
  mayBeFetched = false;
  /** Whether it is seen to that its end is told, whatever becomes of the request. */
  isWatched = false;

  /** `leaseMs`: after that an engine frees what nobody fetches. */
  constructor(instance: Instance, deadlines: Deadlines, leaseMs: number) {
    this.instance = instance;
    this.#deadlines = deadlines;
    this.#leaseMs = leaseMs;
    instance.holdKv();
  }

  /** Whether prefill keeps it, as far as is known. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Decode has given a token, so it has the cache, and prefill has freed it. What is told first, counts. */
  fetched(): void {
    if (this.#lease === undefined) this.#drop();
  }

  /** No client will see what decode makes of it. Unless it is released, prefill keeps it to the end of the lease. */
  abandoned(): void {
    if (!this.#isHeld || this.#lease !== undefined) return;
    this.instance.abandonKv();
    this.#lease = this.#deadlines.arm(this.#leaseMs, () => this.#drop("kvExpired"));
  }

  /** Prefill has been told that nobody will fetch it, once it was abandoned. */
  released(): void {
    this.abandoned();
    this.#drop("kvReleased");
  }

  #drop(end?: "kvReleased" | "kvExpired"): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#lease?.clear();
    this.instance.dropKv(end);
  }
}
