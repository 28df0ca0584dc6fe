import type { Deadlines } from "../data/deadlines.ts";
import type { Instance } from "./instances.ts";

/**
 * The KV cache of one prompt, which a prefill instance keeps until a decode instance has fetched it. What is told
 * first, counts.
 */
export class KvHold {
  readonly #instance: Instance;
  readonly #deadlines: Deadlines;
  readonly #leaseMs: number;
  #isTold = false;

  /** `leaseMs`: after that an engine frees what nobody fetches. */
  constructor(instance: Instance, deadlines: Deadlines, leaseMs: number) {
    this.#instance = instance;
    this.#deadlines = deadlines;
    this.#leaseMs = leaseMs;
    instance.holdKv();
  }

  /** Decode has given a token, so it has the cache, and prefill has freed it. */
  fetched(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#instance.releaseKv();
  }

  /**
   * Decode will give none, and whether it has fetched the cache before cannot be known. No request frees it on
   * prefill: only decode can, when it has come to know of the request, or the end of the lease.
   */
  abandoned(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#instance.abandonKv();
    this.#deadlines.arm(this.#leaseMs, () => this.#instance.releaseKv());
  }
}
