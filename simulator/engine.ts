import { randomUUID } from "node:crypto";
import { pause, unlessAborted } from "./abortable.ts";
import { Batch, type BatchLimits, type Slot } from "./batch.ts";
import { busy, engineDead, foreignParams, internalError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { members } from "./json.ts";
import { KvLedger } from "./kv-ledger.ts";
import { type LatencyModel, prefillMs, stepMs } from "./latency.ts";
import { type Arrived, Layerwise } from "./layerwise.ts";
import { Counters, type Gauges, type RecomputeReason } from "./metrics.ts";
import { tokenAt } from "./oracle.ts";
import { cacheableBlocks, type PromptKv, promptKv, WrongBlocks } from "./prefix-cache.ts";
import { type RemoteKv, type RemoteKvConfig, remoteKvs } from "./remote-kv.ts";
import type { Gate, GenerationRequest, Prompt } from "./request.ts";
import { preemptedAt, type Sequence, sequencesOf } from "./sequence.ts";
import {
  type KvParams,
  mismatch,
  namesRemoteKv,
  type Pulled,
  parsePull,
  pullKv,
  transferParams,
} from "./transfer.ts";
import type { KvCheck, KvConnector } from "./transfer-fields.ts";

export interface EngineConfig extends LatencyModel, BatchLimits, RemoteKvConfig {
  readonly tensorParallelSize: number;
  readonly kvBlocks: number;
  /** Tokens in a KV block. */
  readonly blockSize: number;
  readonly prefixCaching: boolean;
  readonly kvLeaseSeconds: number;
  readonly kvLoadFailurePolicy: "fail" | "recompute";
  readonly kvCheck: KvCheck;
  readonly kvConnector: KvConnector;
  /** Sequences, running and waiting, beyond which no more are taken. */
  readonly maxNumQueuedReqs: number;
  /** Where decode instances reach this one. */
  readonly kvHost: string;
  readonly port: number;
  readonly preemptWithin: number;
}

/** How a choice ends: it has its tokens, or is given back, as vllm-ascend's decode does when it runs out of KV cache. */
export type End = "length" | "recomputed";

/**
 * Takes a token of a choice; the next one of that choice waits for it. With the last one comes the end, but that of what
 * is given back comes alone, with an empty text.
 */
export type OnToken = (choice: number, text: string, end: End | undefined) => unknown;

/** A simulated instance without its HTTP server. Either role does either job when asked, as in vLLM. */
export class Engine implements Gate {
  readonly engineId = randomUUID();
  readonly counters = new Counters();
  readonly layerwise: Layerwise;
  readonly #faults: Faults;
  readonly #config: EngineConfig;
  readonly #log: (line: string) => void;
  readonly #kv: KvLedger;
  readonly #batch: Batch;
  readonly #wrongBlocks = new WrongBlocks();
  /** Of all requests in flight. */
  readonly #stops = new Set<AbortController>();
  #isDead = false;

  constructor(config: EngineConfig, faults: Faults, log: (line: string) => void) {
    this.#config = config;
    this.#faults = faults;
    this.#log = log;
    this.layerwise = new Layerwise(config, this.engineId, log);
    this.#kv = new KvLedger(config.kvBlocks);
    this.#batch = new Batch(config, this.#kv);
  }

  get gauges(): Gauges {
    return {
      running: this.#batch.running,
      waiting: this.#batch.waiting,
      kvBlocks: this.#kv.total,
      kvBlocksUsed: this.#kv.total - this.#kv.free,
      kvBlocksLeased: this.#kv.leased,
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Throws what a dead engine core answers to everything. */
  checkAlive(): void {
    if (this.#isDead) throw engineDead();
  }

  admit(sequences: number): void {
    const { running, waiting } = this.#batch;
    if (running + waiting + sequences <= this.#config.maxNumQueuedReqs) return;
    this.counters.admissionRejections += 1;
    throw busy();
  }

  /** As in vLLM: prefill is told, which would keep the blocks in vain. */
  refused(kvParams: KvParams): void {
    if (!this.#tellsPrefill || !namesRemoteKv(kvParams)) return;
    void pullKv(kvParams, null).then(({ failure }) => {
      if (failure !== undefined) this.#log(`no KV cache was freed for a request that is refused: ${failure}`);
    });
  }

  get #tellsPrefill(): boolean {
    return this.#config.kvConnector === "NixlConnector";
  }

  /**
   * Runs a request to its end: a sequence for each sample of each prompt, which end together when one fails. Gives
   * the `kv_transfer_params` of the answer as JSON text: "null" unless the decode happens elsewhere, else those of one
   * sequence, as vLLM does. Throws ApiError, or the signal's reason. However it ends, the KV blocks are then free, or
   * under a lease.
   */
  async generate(
    request: GenerationRequest,
    idOf: (prompt: number) => string,
    signal: AbortSignal,
    onToken: OnToken,
  ): Promise<string> {
    this.checkAlive();
    if (request.fatal !== undefined) this.#die(request.fatal);
    const stop = new AbortController();
    this.#stops.add(stop);
    const remotes = remoteKvs(this.#config, request, this.counters);
    const sequences = sequencesOf(request, remotes, idOf, AbortSignal.any([signal, stop.signal]));
    let params = "null";
    const run = async (sequence: Sequence, choice: number): Promise<void> => {
      try {
        let isGivenBack = false;
        const own = await this.#run(sequence, (text, end) => {
          isGivenBack = end === "recomputed";
          return onToken(choice, text, end);
        });
        if (sequence.prompt === request.prompts[0]) params = own;
        this.counters.finished[isGivenBack ? "stop" : "length"] += 1;
      } catch (error) {
        this.counters.finished[sequence.signal.aborted && !this.#isDead ? "abort" : "error"] += 1;
        stop.abort(error);
      }
    };
    await Promise.all(sequences.map(run));
    this.#stops.delete(stop);
    signal.throwIfAborted();
    stop.signal.throwIfAborted();
    return params;
  }

  /** Ends all that runs, and all that will be asked, as the death of vLLM's engine core does. */
  #die(reason: string): never {
    this.#log(`the engine core died: ${reason}`);
    this.#isDead = true;
    for (const stop of this.#stops) stop.abort(engineDead());
    throw engineDead();
  }

  async #run(sequence: Sequence, onToken: (text: string, end?: End) => unknown): Promise<string> {
    const { prompt, kvParams, signal, remoteKv } = sequence;
    const arrived = performance.now();
    const slot = await this.#enterBatch(sequence);
    let leased = false;
    const pushed = this.layerwise.expect(sequence, slot.blocks);
    try {
      const kv = this.#kvOf(sequence);
      const loaded = await this.#fillKvCache(sequence, slot, pushed);
      const right = this.#wrongBlocks.take(kv, loaded?.kv ?? kv);
      const answer = loaded === undefined ? right : this.#faults.answerFrom(loaded.from, right);
      this.counters.promptTokens += prompt.tokens.length;
      this.#countSources(prompt.tokens.length, slot.cachedTokens, loaded !== undefined);
      const until = preemptedAt(sequence, this.#config.preemptWithin);
      for (let index = 0; index < prompt.maxTokens; index += 1) {
        if (index === until) {
          await onToken("", "recomputed");
          return "null";
        }
        const prefillGaveIt = index === 0 && remoteKv === undefined && pushed === undefined;
        if (!prefillGaveIt) await pause(stepMs(this.#config, this.#batch.running), signal);
        if (index === 0) this.counters.observeTtft((performance.now() - arrived) / 1000);
        this.counters.generationTokens += 1;
        const end = index + 1 === prompt.maxTokens ? "length" : undefined;
        await onToken(tokenAt(answer, prompt.made + index), end);
      }
      signal.throwIfAborted();
      if (await this.layerwise.push(sequence, kv)) return "null";
      const byPrompt = this.#config.kvLookup === "prompt";
      const isKept = byPrompt
        ? this.#config.role === "prefill"
        : kvParams?.get("do_remote_decode") === "true" && this.#endsByLength(sequence);
      if (!isKept) return "null";
      leased = true;
      const params = this.#lease(sequence, slot.blocks, kv);
      return byPrompt ? "null" : params;
    } finally {
      // As in vLLM: what may still be written to is not free, whoever has left.
      if (pushed !== undefined && signal.aborted) void pushed.then(() => this.#free(slot));
      else if (!leased) this.#kv.release(slot.blocks);
      this.#batch.leave(slot);
    }
  }

  #free({ blocks }: Slot): void {
    this.#kv.release(blocks);
    this.#batch.fill();
  }

  /** For MooncakeConnectorV1 nothing else will do. The simulated model may always end with an end token before. */
  #endsByLength({ prompt, minTokens }: Sequence): boolean {
    return this.#config.kvConnector === "NixlConnector" || minTokens >= prompt.maxTokens;
  }

  #kvOf({ prompt: { hashes, tokens }, sampleHash }: Sequence): PromptKv {
    const { kvCheck, blockSize } = this.#config;
    // Where every hand-over is checked, the hash alone says what the KV cache holds.
    return promptKv(hashes.kv, sampleHash, kvCheck === "strict" ? [] : tokens, blockSize);
  }

  async #enterBatch(sequence: Sequence): Promise<Slot> {
    const { prompt, remoteKv, signal } = sequence;
    const isComputed = remoteKv === undefined && !this.layerwise.isPushedTo(sequence);
    const { blockSize, prefixCaching } = this.#config;
    const { length } = prompt.tokens;
    const blockCount = Math.ceil((length + prompt.maxTokens) / blockSize);
    const contents = prefixCaching ? cacheableBlocks(prompt, blockSize) : [];
    try {
      const wanted = { blockCount, contents, blockSize, prefillTokens: isComputed ? length : 0 };
      const slot = await this.#batch.enter(wanted, signal);
      if (prefixCaching) {
        this.counters.prefixQueries += length;
        this.counters.prefixHits += slot.cachedTokens;
      }
      return slot;
    } catch (error) {
      // As in vLLM: a decode that ends before it pulled tells prefill, which would keep the blocks in vain.
      if (this.#tellsPrefill) void remoteKv?.pull();
      throw error;
    }
  }

  /**
   * Pulls the prompt's KV cache from the prefill instance, or waits until it is `pushed`, for ever if need be, and gives
   * what came; or computes it.
   */
  async #fillKvCache(
    sequence: Sequence,
    slot: Slot,
    pushed: Promise<Arrived> | undefined,
  ): Promise<Arrived | undefined> {
    const { id, prompt, kvParams, remoteKv, signal } = sequence;
    if (pushed !== undefined) {
      const arrived = await unlessAborted(pushed, signal);
      const { kv } = arrived;
      const isForeign = kv.promptHash !== prompt.hashes.kv;
      this.counters.pulled[isForeign ? "failed" : "ok"] += 1;
      if (isForeign && this.#config.kvCheck === "strict")
        throw foreignParams("it was pushed for another prompt");
      return arrived;
    }
    this.layerwise.check(sequence);
    if (remoteKv !== undefined) {
      if (this.#config.kvCheck === "none") this.#checkFit(prompt, remoteKv);
      const pulled = await remoteKv.pull();
      if (pulled.failure === undefined) return pulled;
      this.#log(`${id}: loading the KV cache failed: ${pulled.failure}`);
      if (pulled.foreign && this.#config.kvCheck === "strict") throw foreignParams(pulled.failure);
      if (this.#config.kvLoadFailurePolicy === "fail" && !remoteKv.optional) throw internalError();
      this.#recompute(id, remoteKv.optional ? "not_found" : "load_failure");
    } else if (this.#config.role === "decode") {
      this.#recompute(id, kvParams === undefined ? "no_params" : "incomplete_params");
    }
    await pause(prefillMs(this.#config, prompt.tokens.length - slot.cachedTokens), signal);
    this.#batch.prefillDone(slot);
    return undefined;
  }

  /** vLLM asserts that the parameters name a block for each that the prompt needs. */
  #checkFit({ tokens }: Prompt, { blocks }: RemoteKv): void {
    this.checkAlive();
    const needed = Math.ceil(tokens.length / this.#config.blockSize);
    if (needed > blocks)
      this.#die(`a prompt needs ${needed} KV blocks, its kv_transfer_params name ${blocks}`);
  }

  /** Of what was transferred vLLM computes the last token anew. */
  #countSources(all: number, cached: number, isLoaded: boolean): void {
    const { promptTokensBySource: by } = this.counters;
    const computed = isLoaded ? Math.min(1, all - cached) : all - cached;
    by.local_cache_hit += cached;
    by.local_compute += computed;
    by.external_kv_transfer += all - cached - computed;
  }

  #recompute(id: string, reason: RecomputeReason): void {
    this.counters.recomputed[reason] += 1;
    this.#log(`${id}: decode computes the prompt itself (${reason})`);
  }

  #lease({ id, prompt }: Sequence, blocks: readonly number[], kv: PromptKv): string {
    const { kvLeaseSeconds } = this.#config;
    const params = transferParams(this.#config, this.engineId, id, blocks, prompt.tokens.length);
    this.#kv.hold(id, { blocks, kv, params: members(params) });
    setTimeout(() => {
      if (!this.#endLease(id)) return;
      this.counters.kvExpired += 1;
      this.#log(`${id}: no decode pulled the KV cache in ${kvLeaseSeconds} s, it is freed`);
    }, kvLeaseSeconds * 1000).unref();
    return params;
  }

  /** Prefill's side of a pull: hands the KV cache over and frees it, or says why it may not. */
  handOver(pullBody: string): Pulled {
    const { kvCheck, kvLookup } = this.#config;
    const { promptHash, params, requestId: named } = parsePull(pullBody);
    const byPrompt = kvLookup === "prompt";
    const requestId = byPrompt ? (this.#kv.oldestOf(promptHash ?? "") ?? "") : named;
    const lease = this.#kv.lease(requestId);
    if (lease === undefined || this.#faults.losesKv) {
      const failure = `no KV cache is held for ${requestId}: never was, pulled before, or its lease expired`;
      return { failure, foreign: false };
    }
    const failure =
      byPrompt || kvCheck === "none" ? undefined : mismatch(lease, promptHash ?? lease.kv.promptHash, params);
    if (failure !== undefined) return { failure, foreign: true };
    this.#endLease(requestId);
    if (promptHash === null) this.counters.kvFreed += 1;
    return { kv: lease.kv, from: "" };
  }

  #endLease(requestId: string): boolean {
    const ended = this.#kv.endLease(requestId);
    if (ended) this.#batch.fill();
    return ended;
  }
}
