import type { PromptKv } from "./prefix-cache.ts";

/** KV blocks of a finished prefill, kept until a decode instance pulls them or the lease ends. */
export interface Lease {
  readonly blocks: readonly number[];
  /** What the blocks hold. */
  readonly kv: PromptKv;
  /** Members of the `kv_transfer_params` that were handed out, as JSON text. */
  readonly params: ReadonlyMap<string, string>;
}

/** Blocks for a sequence, of which the first ones have their part of its prompt already. */
export interface Allocated {
  readonly blocks: readonly number[];
  readonly cached: number;
}

/**
 * Who holds which KV block, and what is still in those that nobody holds: vLLM's prefix cache. A block that is free keeps what
 * it had until it is given away, the one that was freed first before others. Invariant: every block is free, or held by the
 * sequences and leases that share it.
 */
export class KvLedger {
  readonly total: number;
  /** In the order in which they are given away. */
  readonly #free: Set<number>;
  readonly #holders: number[];
  /** By what they have, which is that part of a prompt and all before it. */
  readonly #cached = new Map<string, number>();
  readonly #contents: (string | undefined)[];
  readonly #leases = new Map<string, Lease>();

  constructor(total: number) {
    this.total = total;
    this.#free = new Set(Array.from({ length: total }, (_, index) => index));
    this.#holders = Array(total).fill(0);
    this.#contents = Array(total).fill(undefined);
  }

  get free(): number {
    return this.#free.size;
  }

  /** Blocks under a lease; they count as used. */
  get leased(): number {
    return new Set([...this.#leases.values()].flatMap((lease) => lease.blocks)).size;
  }

  /** The blocks that have the first parts of a prompt. */
  #hits(contents: readonly string[]): number[] {
    const hits: number[] = [];
    for (const content of contents) {
      const block = this.#cached.get(content);
      if (block === undefined) break;
      hits.push(block);
    }
    return hits;
  }

  /** How many of the first parts of a prompt are there. */
  cached(contents: readonly string[]): number {
    return this.#hits(contents).length;
  }

  /**
   * `count` blocks, or undefined when fewer are free. `contents`: what the first of them are for; as in vLLM it counts as there
   * from now on, since a later sequence is not computed before this one.
   */
  allocate(count: number, contents: readonly string[] = []): Allocated | undefined {
    const hits = this.#hits(contents.slice(0, count));
    const freeHits = hits.filter((block) => this.#free.has(block)).length;
    if (count - hits.length > this.#free.size - freeHits) return undefined;
    for (const block of hits) this.#take(block);
    const blocks = [...hits];
    while (blocks.length < count) {
      const [block = 0] = this.#free;
      this.#take(block);
      this.#forget(block);
      const content = contents[blocks.length];
      if (content !== undefined) {
        this.#contents[block] = content;
        this.#cached.set(content, block);
      }
      blocks.push(block);
    }
    return { blocks, cached: hits.length };
  }

  #take(block: number): void {
    this.#free.delete(block);
    this.#holders[block] = (this.#holders[block] ?? 0) + 1;
  }

  #forget(block: number): void {
    const content = this.#contents[block];
    if (content !== undefined && this.#cached.get(content) === block) this.#cached.delete(content);
    this.#contents[block] = undefined;
  }

  /** The last one is given away first: what is behind it in a prompt is of no use without what is before. */
  release(blocks: readonly number[]): void {
    for (const block of blocks.toReversed()) {
      const holders = this.#holders[block] ?? 0;
      if (holders === 0) throw new Error(`KV block ${block} was freed twice`);
      this.#holders[block] = holders - 1;
      if (holders === 1) this.#free.add(block);
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
