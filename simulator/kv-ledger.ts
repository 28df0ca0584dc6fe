import type { PromptKv } from "./prefix-cache.ts";

/** KV blocks of a finished prefill, kept until a decode instance pulls them or the lease ends. */
export interface Lease {
  readonly blocks: readonly number[];
  /** What the blocks hold. */
  readonly kv: PromptKv;
  /** Members of the `kv_transfer_params` that were handed out, as JSON text. */
  readonly params: ReadonlyMap<string, string>;
}

/** Who holds which KV block. Invariant: every block is free, or held by exactly one sequence or lease. */
export class KvLedger {
  readonly total: number;
  readonly #free: number[];
  readonly #held = new Set<number>();
  readonly #leases = new Map<string, Lease>();

  constructor(total: number) {
    this.total = total;
    this.#free = Array.from({ length: total }, (_, index) => total - 1 - index);
  }

  get free(): number {
    return this.#free.length;
  }

  /** Blocks under a lease; they count as used. */
  get leased(): number {
    return [...this.#leases.values()].reduce((sum, lease) => sum + lease.blocks.length, 0);
  }

  /** `count` blocks, or undefined when fewer are free. */
  allocate(count: number): readonly number[] | undefined {
    if (count > this.#free.length) return undefined;
    const blocks = this.#free.splice(this.#free.length - count).reverse();
    for (const block of blocks) this.#held.add(block);
    return blocks;
  }

  release(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (!this.#held.delete(block)) throw new Error(`KV block ${block} was freed twice`);
      this.#free.push(block);
    }
  }

  /** Turns a sequence's blocks into a lease under `requestId`. */
  hold(requestId: string, lease: Lease): void {
    this.#leases.set(requestId, lease);
  }

  lease(requestId: string): Lease | undefined {
    return this.#leases.get(requestId);
  }

  /** The request whose lease on the KV cache of a prompt is the oldest. */
  oldestOf(promptHash: string): string | undefined {
    for (const [requestId, lease] of this.#leases) if (lease.kv.promptHash === promptHash) return requestId;
    return undefined;
  }

  /** Ends a lease and frees its blocks; false when there is none (any more). */
  endLease(requestId: string): boolean {
    const lease = this.#leases.get(requestId);
    if (lease === undefined) return false;
    this.#leases.delete(requestId);
    this.release(lease.blocks);
    return true;
  }
}
