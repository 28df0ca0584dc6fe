import { nextEnd, type Prefixes, unitsBehind, unitsOf } from "./prefixes.ts";

/** Slots of a bucket, which is what a processor fetches at once: 64 bytes. */
const WAYS = 8;
const SLOT_WORDS = 2;
const BUCKET_WORDS = WAYS * SLOT_WORDS;
const BYTES_PER_BUCKET = 4 * BUCKET_WORDS;

/**
 * Which prefixes instances have, of all instances in one table. It holds what fits: in a bucket that is full the oldest
 * gives way. Threads write to it without a lock; what two lose by that is a guess that is wrong once.
 */
export class PrefixTable {
  readonly memory: SharedArrayBuffer;
  /** A tag and a time a slot; a time of 0 is an empty one. */
  readonly slots: Int32Array;
  readonly mask: number;
  readonly #clock: Int32Array;

  static allocate(buckets: number): SharedArrayBuffer {
    return new SharedArrayBuffer((buckets + 1) * BYTES_PER_BUCKET);
  }

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.mask = memory.byteLength / BYTES_PER_BUCKET - 2;
    this.slots = new Int32Array(memory, 0, (this.mask + 1) * BUCKET_WORDS);
    this.#clock = new Int32Array(memory, this.slots.byteLength, 1);
  }

  /** Of a period that begins. */
  tick(): number {
    return Atomics.add(this.#clock, 0, 1) + 1;
  }
}

/** 16 MiB: room for 270 million tokens of prompts. */
export const TABLE_BUCKETS = 2 ** 18;

/** Until it is known. */
const ASSUMED_UNITS = 2048;
/** What a cache holds is as old as the period that it was last used in; in each so much of it is filled anew. */
const PERIODS = 16;
/** Nothing gets older: in as many periods all has been filled anew, whatever was used again. */
const KEPT_PERIODS = 32;
const STATE = {
  capacity: 0,
  held: 1,
  filled: 2,
  newest: 3,
  oldest: 4,
  times: 5,
  sizes: 5 + KEPT_PERIODS,
} as const;
/** Words of memory that a cache needs, all 0 at first. */
export const CACHE_WORDS = STATE.sizes + KEPT_PERIODS;

/**
 * What one instance has in its prefix cache, by the prompts that were sent there: it holds so much, and drops what was not
 * used for the longest time, as vLLM does.
 */
export class PrefixCache {
  readonly #table: PrefixTable;
  /** Tells the prefixes of this instance from those of others. */
  readonly #salt: number;
  readonly #state: Int32Array;

  /** `id`: no other instance has it; `state`: CACHE_WORDS, shared by the threads that know the instance. */
  constructor(table: PrefixTable, id: number, state: Int32Array) {
    this.#table = table;
    this.#salt = Math.imul(id + 1, 0x9e3779b1);
    this.#state = state;
    if (this.capacity === 0) this.capacity = ASSUMED_UNITS;
  }

  /** Units of bytes that it holds. */
  get capacity(): number {
    return this.#get(STATE.capacity);
  }

  set capacity(units: number) {
    this.#state[STATE.capacity] = Math.min(units, 2 ** 30);
    this.#evict();
  }

  /** How many units of a prompt it has. Who has a prefix has all that are shorter. */
  matched({ hashes }: Prefixes): number {
    let high = hashes.length / 2;
    // Most instances have nothing of most prompts.
    if (high === 0 || !this.#isHeld(this.#find(hashes, 0))) return 0;
    let low = 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#isHeld(this.#find(hashes, middle))) low = middle + 1;
      else high = middle;
    }
    return unitsWithin(low);
  }

  /** A prompt is sent there. */
  use({ hashes }: Prefixes): void {
    const state = this.#state;
    if (this.#get(STATE.newest) === 0) this.#open();
    const now = this.#timeOf(this.#get(STATE.newest));
    let end = 0;
    for (let index = 0; 2 * index < hashes.length; index++, end = nextEnd(end)) {
      const units = unitsBehind(end);
      const found = this.#find(hashes, index);
      const time = found === -1 ? 0 : (this.#table.slots[found + 1] as number);
      if (time === now) continue;
      if (this.#isHeld(found)) {
        state[this.#sizeAt(time)] = (state[this.#sizeAt(time)] as number) - units;
      } else {
        state[STATE.held] = this.#get(STATE.held) + units;
        state[STATE.filled] = this.#get(STATE.filled) + units;
      }
      const size = STATE.sizes + (this.#get(STATE.newest) % KEPT_PERIODS);
      state[size] = (state[size] as number) + units;
      this.#put(found, hashes, index, now);
    }
    if (this.#get(STATE.filled) * PERIODS >= this.capacity) this.#open();
    this.#evict();
  }

  /** It was started anew, or may have been. */
  clear(): void {
    this.#open();
    this.#state[STATE.oldest] = this.#get(STATE.newest);
    this.#state[STATE.held] = 0;
  }

  #get(at: number): number {
    return this.#state[at] as number;
  }

  #timeOf(period: number): number {
    return this.#get(STATE.times + (period % KEPT_PERIODS));
  }

  #open(): void {
    const state = this.#state;
    const newest = this.#get(STATE.newest) + 1;
    state[STATE.times + (newest % KEPT_PERIODS)] = this.#table.tick();
    state[STATE.sizes + (newest % KEPT_PERIODS)] = 0;
    state[STATE.filled] = 0;
    state[STATE.newest] = newest;
    if (this.#get(STATE.oldest) === 0) state[STATE.oldest] = newest;
    if (newest - this.#get(STATE.oldest) >= KEPT_PERIODS) this.#drop();
  }

  #evict(): void {
    while (this.#get(STATE.held) > this.capacity && this.#get(STATE.oldest) < this.#get(STATE.newest))
      this.#drop();
  }

  #drop(): void {
    const oldest = this.#get(STATE.oldest);
    const size = this.#get(STATE.sizes + (oldest % KEPT_PERIODS));
    this.#state[STATE.held] = this.#get(STATE.held) - size;
    this.#state[STATE.oldest] = oldest + 1;
  }

  /** Where in the state the size of the period is that began at `time`. */
  #sizeAt(time: number): number {
    let period = this.#get(STATE.newest);
    while (this.#timeOf(period) > time && period > this.#get(STATE.oldest)) period--;
    return STATE.sizes + (period % KEPT_PERIODS);
  }

  /** Where the slot of a prefix is, -1 where none is. */
  #find(hashes: Int32Array, index: number): number {
    const { slots } = this.#table;
    const tag = this.#tagOf(hashes, index);
    const bucket = this.#bucketOf(hashes, index);
    for (let at = bucket; at < bucket + BUCKET_WORDS; at += SLOT_WORDS)
      if (slots[at] === tag && slots[at + 1] !== 0) return at;
    return -1;
  }

  #isHeld(slot: number): boolean {
    if (slot === -1) return false;
    const oldest = this.#get(STATE.oldest);
    return oldest !== 0 && (this.#table.slots[slot + 1] as number) >= this.#timeOf(oldest);
  }

  #put(found: number, hashes: Int32Array, index: number, time: number): void {
    const { slots } = this.#table;
    let at = found;
    if (at === -1) {
      const bucket = this.#bucketOf(hashes, index);
      at = bucket;
      for (let other = bucket + SLOT_WORDS; other < bucket + BUCKET_WORDS; other += SLOT_WORDS)
        if ((slots[other + 1] as number) < (slots[at + 1] as number)) at = other;
      slots[at] = this.#tagOf(hashes, index);
    }
    slots[at + 1] = time;
  }

  #tagOf(hashes: Int32Array, index: number): number {
    return (hashes[2 * index + 1] as number) ^ this.#salt;
  }

  #bucketOf(hashes: Int32Array, index: number): number {
    const mixed = Math.imul((hashes[2 * index] as number) ^ this.#salt, 0x7feb352d);
    return ((mixed ^ (mixed >>> 15)) & this.#table.mask) * BUCKET_WORDS;
  }
}

/** How long the first `count` prefixes are. */
function unitsWithin(count: number): number {
  let end = 0;
  for (let index = 0; index < count; index++) end = nextEnd(end);
  return unitsOf(end);
}
