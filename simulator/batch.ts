import type { KvLedger } from "./kv-ledger.ts";

export interface BatchLimits {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
}

/** A sequence's place in the running batch. */
export interface Slot {
  readonly blocks: readonly number[];
  /** Prompt tokens that were in the prefix cache. */
  readonly cachedTokens: number;
  /** Prompt tokens that the sequence is computing; 0 when the prefill is done or the KV cache comes from elsewhere. */
  prefillTokens: number;
}

/** What a sequence needs to run. */
export interface Wanted {
  readonly blockCount: number;
  /** Prompt tokens to compute, those included that may be in the prefix cache. */
  readonly prefillTokens: number;
  /** By which full blocks of the prompt are found there, and how many tokens are in one. */
  readonly contents: readonly string[];
  readonly blockSize: number;
}

interface Waiter extends Wanted {
  readonly enter: (slot: Slot) => void;
}

/** The running batch and the queue in front of it: first come, first served; who does not fit holds up the rest. */
export class Batch {
  readonly #limits: BatchLimits;
  readonly #kv: KvLedger;
  readonly #queue: Waiter[] = [];
  #running = 0;
  #prefillTokens = 0;

  constructor(limits: BatchLimits, kv: KvLedger) {
    this.#limits = limits;
    this.#kv = kv;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Waits for a place and KV blocks. Rejects with the signal's reason when it aborts first. */
  enter(wanted: Wanted, signal: AbortSignal): Promise<Slot> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const giveUp = () => {
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        reject(signal.reason);
        this.fill();
      };
      const enter = (slot: Slot) => {
        signal.removeEventListener("abort", giveUp);
        resolve(slot);
      };
      const waiter: Waiter = { ...wanted, enter };
      signal.addEventListener("abort", giveUp);
      this.#queue.push(waiter);
      this.fill();
    });
  }

  prefillDone(slot: Slot): void {
    this.#prefillTokens -= slot.prefillTokens;
    slot.prefillTokens = 0;
    this.fill();
  }

  /** Ends a sequence. Its blocks stay with the caller. */
  leave(slot: Slot): void {
    this.#running -= 1;
    this.prefillDone(slot);
  }

  /** Lets in who fits; to be called whenever KV blocks became free. */
  fill(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (this.#running >= this.#limits.maxNumSeqs) return;
      const { blockCount, contents, blockSize } = first;
      const left = Math.max(0, first.prefillTokens - this.#kv.cached(contents) * blockSize);
      if (this.#prefillTokens + left > this.#limits.maxNumBatchedTokens) return;
      const allocated = this.#kv.allocate(blockCount, contents);
      if (allocated === undefined) return;
      this.#queue.shift();
      this.#running += 1;
      this.#prefillTokens += left;
      const { blocks, cached } = allocated;
      first.enter({ blocks, cachedTokens: cached * blockSize, prefillTokens: left });
    }
  }
}
