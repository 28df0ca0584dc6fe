import { PAIR, Pairs } from "./pairs.ts";
import { CACHE_WORDS } from "./prefix-cache.ts";
import { unitsOf } from "./prefixes.ts";
import type { PromptSources } from "./prompt-sources.ts";

/** What an instance says about itself on /metrics. */
export interface Load {
  /** Requests that wait for their turn; NaN when it does not say. */
  readonly waiting: number;
  /** Tokens of KV cache that are free; NaN when it does not say. */
  readonly freeKvTokens: number;
}

/** Requests and bytes of requests. */
export interface Sent {
  readonly requests: number;
  readonly bytes: number;
}

/** How often something was timed, and how long it took all times together. */
export interface Times {
  readonly count: number;
  readonly ms: number;
}

/** Which of the threads that serve this is, and how many there are. */
export interface Place {
  readonly threads: number;
  readonly thread: number;
}

/** Ways of an instance to fail a request. */
export const FAULTS = ["failed", "unreachable", "timeout"] as const;
export type Fault = (typeof FAULTS)[number];

const FLAGS = { healthy: 1, stalled: 2, draining: 4, unproven: 8, broken: 16 } as const;
/** From `prompts` on, requests by the size of their prompt: a row per power of two. */
const GAUGES = { inFlight: 0, kvHeld: 1, units: 2, prompts: 3, end: 37 } as const;
/** From `faults` on, a row per fault. */
const COUNTERS = {
  heard: 0,
  served: 1,
  kvAbandoned: 2,
  kvReleased: 3,
  kvExpired: 4,
  requests: 5,
  bytes: 6,
  unitsAsked: 7,
  unitsCached: 8,
  faults: 9,
  firsts: 12,
  firstMs: 13,
  paces: 14,
  paceMs: 15,
  end: 16,
} as const;
/** Prefill instances whose handoffs are told apart; those of others are not counted. */
const PLACES = 256;
/** From `canaries` on, a row per outcome. */
const TOLD = {
  waiting: 0,
  freeKvTokens: 1,
  requests: 2,
  bytes: 3,
  tokenlessMs: 4,
  transferred: 5,
  cachedTokens: 6,
  computed: 7,
  transferShare: 8,
  computesPrompts: 9,
  canaries: 10,
  end: 13,
} as const;
/** What comes of a canary: of a failed one tokens are wrong, or none came; `unknown` says nothing of the pair. */
export const SUNG = ["passed", "failed", "unknown"] as const;
export type Sung = (typeof SUNG)[number];

/**
 * What is known and counted of one instance, in memory that the scheduler's threads share. The thread that watches
 * instances writes the flags and the load. All else every thread counts in a column of its own, and the sum is what
 * counts: two that count at a time lose nothing, and what a thread had running can be taken out when it dies.
 */
export class Account {
  readonly memory: SharedArrayBuffer;
  readonly #told: Float64Array;
  /** Written and read plainly: a sum that lacks what is counted in this very moment does no harm. */
  readonly #counters: Float64Array;
  readonly #gauges: Int32Array;
  /** Of each thread, handoffs from the prefill instance at each place. */
  readonly #handed: Uint32Array;
  readonly #flags: Int32Array;
  /** Of a decode instance, with prefill instances. */
  readonly pairs: Pairs;
  /** Of what is in its prefix cache. */
  protected readonly cached: Int32Array;
  readonly #thread: number;

  /** Memory for what `threads` threads count. */
  static allocate(threads: number): SharedArrayBuffer {
    const columns = threads * (8 * COUNTERS.end + 4 * GAUGES.end + 4 * PLACES);
    const memory = new SharedArrayBuffer(8 * TOLD.end + columns + 4 * CACHE_WORDS + PLACES + 4);
    const account = new Account(memory, { threads, thread: 0 });
    account.load = undefined;
    account.sources = undefined;
    account.pairs.setAll(PAIR.unguarded);
    return memory;
  }

  constructor(memory: SharedArrayBuffer, { threads, thread }: Place) {
    this.memory = memory;
    this.#told = new Float64Array(memory, 0, TOLD.end);
    this.#counters = new Float64Array(memory, 8 * TOLD.end, COUNTERS.end * threads);
    this.#gauges = new Int32Array(memory, 8 * TOLD.end + this.#counters.byteLength, GAUGES.end * threads);
    const handedAt = this.#gauges.byteOffset + this.#gauges.byteLength;
    this.#handed = new Uint32Array(memory, handedAt, PLACES * threads);
    this.#flags = new Int32Array(memory, memory.byteLength - 4, 1);
    const pairsAt = memory.byteLength - 4 - PLACES;
    this.pairs = new Pairs(new Uint8Array(memory, pairsAt, PLACES));
    this.cached = new Int32Array(memory, pairsAt - 4 * CACHE_WORDS, CACHE_WORDS);
    this.#thread = thread;
  }

  /** Whether it answers its health check; not before the first answer. */
  get healthy(): boolean {
    return this.#flag(FLAGS.healthy);
  }

  set healthy(is: boolean) {
    this.#setFlag(FLAGS.healthy, is);
  }

  /** Whether it works on nothing although it answers its health check. */
  get stalled(): boolean {
    return this.#flag(FLAGS.stalled);
  }

  set stalled(is: boolean) {
    this.#setFlag(FLAGS.stalled, is);
  }

  /** Gets no new requests. */
  get draining(): boolean {
    return this.#flag(FLAGS.draining);
  }

  set draining(is: boolean) {
    this.#setFlag(FLAGS.draining, is);
  }

  /** Whether no instance of the other role is known to hand KV cache over to it, or to get it from it, as it should be. */
  get unproven(): boolean {
    return this.#flag(FLAGS.unproven);
  }

  set unproven(is: boolean) {
    this.#setFlag(FLAGS.unproven, is);
  }

  /** Whether it has failed so many requests that it gets none before it has answered one well. */
  get broken(): boolean {
    return this.#flag(FLAGS.broken);
  }

  set broken(is: boolean) {
    this.#setFlag(FLAGS.broken, is);
  }

  /** Whether it gets requests. */
  get ready(): boolean {
    return Atomics.load(this.#flags, 0) === FLAGS.healthy;
  }

  /** Requests that it works on for us. */
  get inFlight(): number {
    return this.#gauge(GAUGES.inFlight);
  }

  /** What it works on for us, in units of prompts. */
  get units(): number {
    return this.#gauge(GAUGES.units);
  }

  /** Prompts whose KV cache it keeps for a decode instance: one that has not answered yet, or never will. */
  get kvHeld(): number {
    return this.#gauge(GAUGES.kvHeld);
  }

  /** Whether nothing needs it any more. */
  get idle(): boolean {
    return this.inFlight === 0 && this.kvHeld === 0;
  }

  /** Bytes that each of its prompts is smaller than, by no more than half for the largest; 1 without any. */
  get largestPrompt(): number {
    let row = GAUGES.end - 1;
    while (row > GAUGES.prompts && this.#gauge(row) === 0) row--;
    return 2 ** (row - GAUGES.prompts);
  }

  /** Grows with every piece of an answer to a client's request. */
  get heard(): number {
    return this.#counter(COUNTERS.heard);
  }

  /** Requests that it has answered well. */
  get served(): number {
    return this.#counter(COUNTERS.served);
  }

  /** Prompts whose KV cache was handed out, and no decode instance is known to have fetched it. */
  get kvAbandoned(): number {
    return this.#counter(COUNTERS.kvAbandoned);
  }

  /** Of these: prefill was told, and has freed it. */
  get kvReleased(): number {
    return this.#counter(COUNTERS.kvReleased);
  }

  /** Of these: freed when its lease was over. */
  get kvExpired(): number {
    return this.#counter(COUNTERS.kvExpired);
  }

  /** Times that it has failed a request, in whatever way. */
  get failures(): number {
    return FAULTS.reduce((sum, fault) => sum + this.faults(fault), 0);
  }

  /** In this way. */
  faults(kind: Fault): number {
    return this.#counter(COUNTERS.faults + FAULTS.indexOf(kind));
  }

  /** First events of streams that it took part in, and the milliseconds that clients waited for them. */
  get firsts(): Times {
    return { count: this.#counter(COUNTERS.firsts), ms: this.#counter(COUNTERS.firstMs) };
  }

  /** Events behind the first of whole streams, and the milliseconds that they took. */
  get paces(): Times {
    return { count: this.#counter(COUNTERS.paces), ms: this.#counter(COUNTERS.paceMs) };
  }

  /** Handoffs to it from the prefill instance that has, or had, this place; the sum may wrap around at 2^32. */
  handedFrom(place: number): number {
    let sum = 0;
    for (let at = place; place < PLACES && at < this.#handed.length; at += PLACES)
      sum += this.#handed[at] ?? 0;
    return sum;
  }

  /** What was ever sent there. */
  get sent(): Sent {
    return { requests: this.#counter(COUNTERS.requests), bytes: this.#counter(COUNTERS.bytes) };
  }

  /** Units of prompts that were ever sent there, and those of them that its prefix cache was thought to have. */
  get expected(): { readonly asked: number; readonly cached: number } {
    return { asked: this.#counter(COUNTERS.unitsAsked), cached: this.#counter(COUNTERS.unitsCached) };
  }

  /** What was sent there since it was asked for its load. */
  get sentSince(): Sent {
    const { requests, bytes } = this.sent;
    return { requests: requests - this.#said(TOLD.requests), bytes: bytes - this.#said(TOLD.bytes) };
  }

  /** What it last said about its load, where that is asked for and can be compared. */
  get load(): Load | undefined {
    const waiting = this.#said(TOLD.waiting);
    const freeKvTokens = this.#said(TOLD.freeKvTokens);
    if (Number.isNaN(waiting) && Number.isNaN(freeKvTokens)) return undefined;
    return { waiting, freeKvTokens };
  }

  set load(load: Load | undefined) {
    this.#told[TOLD.waiting] = load?.waiting ?? Number.NaN;
    this.#told[TOLD.freeKvTokens] = load?.freeKvTokens ?? Number.NaN;
  }

  /** `sent` when it was asked for its load. */
  set sentBefore({ requests, bytes }: Sent) {
    this.#told[TOLD.requests] = requests;
    this.#told[TOLD.bytes] = bytes;
  }

  /** Where it says that the tokens of its prompts came from, since its start. */
  get sources(): PromptSources | undefined {
    const external_kv_transfer = this.#said(TOLD.transferred);
    if (Number.isNaN(external_kv_transfer)) return undefined;
    return {
      external_kv_transfer,
      local_cache_hit: this.#said(TOLD.cachedTokens),
      local_compute: this.#said(TOLD.computed),
    };
  }

  set sources(sources: PromptSources | undefined) {
    this.#told[TOLD.transferred] = sources?.external_kv_transfer ?? Number.NaN;
    this.#told[TOLD.cachedTokens] = sources?.local_cache_hit ?? Number.NaN;
    this.#told[TOLD.computed] = sources?.local_compute ?? Number.NaN;
    if (sources === undefined) this.transferShare = Number.NaN;
  }

  /** Of the tokens that it had to have lately: the part that prefill has computed, from 0 to 1; NaN when it is not known. */
  get transferShare(): number {
    return this.#said(TOLD.transferShare);
  }

  set transferShare(share: number) {
    this.#told[TOLD.transferShare] = share;
  }

  /** Whether it computes prompts itself that prefill was to compute. */
  get computesPrompts(): boolean {
    return this.#said(TOLD.computesPrompts) === 1;
  }

  set computesPrompts(is: boolean) {
    this.#told[TOLD.computesPrompts] = Number(is);
  }

  /**
   * Milliseconds for which it has had clients' requests and, as far as is known for sure, has not worked on any of them.
   */
  get tokenlessMs(): number {
    return this.#said(TOLD.tokenlessMs);
  }

  set tokenlessMs(ms: number) {
    this.#told[TOLD.tokenlessMs] = ms;
  }

  /** Canaries of its pairs, as decode, that came to this. */
  canaries(outcome: Sung): number {
    return this.#said(TOLD.canaries + SUNG.indexOf(outcome));
  }

  sang(outcome: Sung): void {
    const at = TOLD.canaries + SUNG.indexOf(outcome);
    this.#told[at] = this.#said(at) + 1;
  }

  /** It gets a request of so many bytes, which is work of so many units to it. */
  begin(bytes: number, units = unitsOf(bytes)): void {
    this.#count(COUNTERS.requests);
    this.#count(COUNTERS.bytes, bytes);
    this.#move(GAUGES.inFlight, 1);
    this.#move(GAUGES.units, units);
    this.#move(promptRow(bytes), 1);
  }

  /** It does not work any more on a request that it got as this. */
  end(bytes: number, units = unitsOf(bytes)): void {
    this.#move(GAUGES.inFlight, -1);
    this.#move(GAUGES.units, -units);
    this.#move(promptRow(bytes), -1);
  }

  /** It gets a prompt of so many units, of which its prefix cache is thought to have some. */
  expect(asked: number, cached: number): void {
    this.#count(COUNTERS.unitsAsked, asked);
    this.#count(COUNTERS.unitsCached, cached);
  }

  serve(): void {
    this.#count(COUNTERS.served);
  }

  fail(kind: Fault): void {
    this.#count(COUNTERS.faults + FAULTS.indexOf(kind));
  }

  hear(): void {
    this.#count(COUNTERS.heard);
  }

  /** A stream that it takes part in has its first event. */
  first(ms: number): void {
    this.#count(COUNTERS.firsts);
    this.#count(COUNTERS.firstMs, ms);
  }

  /** A stream of its own is whole. */
  pace(ms: number, events: number): void {
    this.#count(COUNTERS.paces, events);
    this.#count(COUNTERS.paceMs, ms);
  }

  /** It goes on with what the prefill instance at this place has computed. */
  takeOver(place: number): void {
    const at = PLACES * this.#thread + place;
    if (place < PLACES) this.#handed[at] = (this.#handed[at] ?? 0) + 1;
  }

  holdKv(): void {
    this.#move(GAUGES.kvHeld, 1);
  }

  /** It keeps it no more: `end` says why, unless decode has fetched it. */
  dropKv(end?: "kvReleased" | "kvExpired"): void {
    if (end !== undefined) this.#count(COUNTERS[end]);
    this.#move(GAUGES.kvHeld, -1);
  }

  abandonKv(): void {
    this.#count(COUNTERS.kvAbandoned);
  }

  /** A thread has died: nothing works any more on what it had running. */
  takeOut(thread: number): void {
    for (let row = 0; row < GAUGES.end; row++) Atomics.store(this.#gauges, GAUGES.end * thread + row, 0);
  }

  #flag(bit: number): boolean {
    return (Atomics.load(this.#flags, 0) & bit) !== 0;
  }

  #setFlag(bit: number, is: boolean): void {
    if (is) Atomics.or(this.#flags, 0, bit);
    else Atomics.and(this.#flags, 0, ~bit);
  }

  #gauge(row: number): number {
    let sum = 0;
    for (let at = row; at < this.#gauges.length; at += GAUGES.end) sum += Atomics.load(this.#gauges, at);
    return sum;
  }

  #move(row: number, by: number): void {
    Atomics.add(this.#gauges, GAUGES.end * this.#thread + row, by);
  }

  #counter(row: number): number {
    let sum = 0;
    for (let at = row; at < this.#counters.length; at += COUNTERS.end) sum += this.#counters[at] ?? 0;
    return sum;
  }

  #count(row: number, by = 1): void {
    const at = COUNTERS.end * this.#thread + row;
    this.#counters[at] = (this.#counters[at] ?? 0) + by;
  }

  #said(row: number): number {
    return this.#told[row] ?? Number.NaN;
  }
}

/** Of the least power of two that is more than `bytes`. */
function promptRow(bytes: number): number {
  return GAUGES.prompts + 32 - Math.clz32(bytes);
}
