import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep, setImmediate as yieldOnce } from "node:timers/promises";
import { Batch, type BatchLimits, type Slot } from "./batch.ts";
import { internalError } from "./errors.ts";
import { members } from "./json.ts";
import { KvLedger } from "./kv-ledger.ts";
import { type LatencyModel, prefillMs, stepMs } from "./latency.ts";
import { Counters, type Gauges, type RecomputeReason } from "./metrics.ts";
import { tokenAt } from "./oracle.ts";
import type { Role } from "./rank-table.ts";
import type { GenerationRequest } from "./request.ts";
import { mismatch, namesRemoteKv, parsePull, pullKv, pullKvOfPrompt, transferParams } from "./transfer.ts";

export interface EngineConfig extends LatencyModel, BatchLimits {
  readonly role: Role;
  readonly tensorParallelSize: number;
  readonly kvBlocks: number;
  /** Tokens in a KV block. */
  readonly blockSize: number;
  readonly kvLeaseSeconds: number;
  readonly kvLoadFailurePolicy: "fail" | "recompute";
  /** How decode learns where the KV cache is: from the request's `kv_transfer_params`, or by asking for its prompt. */
  readonly kvLookup: "params" | "prompt";
  /** With `prompt`: the prefill instances that decode asks, as `host:port`. */
  readonly kvPeers: readonly string[];
  /** Where decode instances reach this one. */
  readonly kvHost: string;
  readonly port: number;
}

interface Sequence {
  readonly id: string;
  readonly request: GenerationRequest;
  readonly signal: AbortSignal;
  /** Where the KV cache of the prompt is, when another instance computed it. */
  readonly remoteKv: RemoteKv | undefined;
}

interface RemoteKv {
  /** Fetches the KV cache, which frees it where it is. Gives the reason when that fails. */
  pull(): Promise<string | undefined>;
  /** Whether it was only hoped to be there: as in vLLM 0, decode computes the prompt where it is not. */
  readonly optional: boolean;
}

/** A simulated instance without its HTTP server. Either role does either job when asked, as in vLLM. */
export class Engine {
  readonly engineId = randomUUID();
  readonly counters = new Counters();
  readonly #config: EngineConfig;
  readonly #log: (line: string) => void;
  readonly #kv: KvLedger;
  readonly #batch: Batch;

  constructor(config: EngineConfig, log: (line: string) => void) {
    this.#config = config;
    this.#log = log;
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

  /**
   * Runs a request to its end, one `onToken` per token. Gives the `kv_transfer_params` of the answer as JSON
   * text: "null" unless the decode happens elsewhere. Throws ApiError, or the signal's reason. However it ends,
   * the KV blocks are then free, or under a lease.
   */
  async generate(
    request: GenerationRequest,
    id: string,
    signal: AbortSignal,
    onToken: (text: string) => unknown,
  ): Promise<string> {
    const sequence: Sequence = {
      id: `${id}-${randomBytes(4).toString("hex")}`,
      request,
      signal,
      remoteKv: this.#remoteKv(request),
    };
    try {
      const params = await this.#run(sequence, onToken);
      this.counters.finished.length += 1;
      return params;
    } catch (error) {
      this.counters.finished[signal.aborted ? "abort" : "error"] += 1;
      throw error;
    }
  }

  #remoteKv({ kvParams, promptHash }: GenerationRequest): RemoteKv | undefined {
    const { kvLookup, kvPeers, role } = this.#config;
    if (kvLookup === "prompt") {
      return role === "decode"
        ? { pull: () => pullKvOfPrompt(kvPeers, promptHash), optional: true }
        : undefined;
    }
    return kvParams?.get("do_remote_prefill") === "true" && namesRemoteKv(kvParams)
      ? { pull: () => pullKv(kvParams, promptHash), optional: false }
      : undefined;
  }

  async #run(sequence: Sequence, onToken: (text: string) => unknown): Promise<string> {
    const { request, signal, remoteKv } = sequence;
    const arrived = performance.now();
    const slot = await this.#enterBatch(sequence);
    let leased = false;
    try {
      await this.#fillKvCache(sequence, slot);
      this.counters.promptTokens += request.promptTokens;
      for (let index = 0; index < request.maxTokens; index += 1) {
        const prefillGaveIt = index === 0 && remoteKv === undefined;
        if (!prefillGaveIt) await pause(stepMs(this.#config, this.#batch.running), signal);
        if (index === 0) this.counters.observeTtft((performance.now() - arrived) / 1000);
        this.counters.generationTokens += 1;
        await onToken(tokenAt(request.promptHash, index));
      }
      signal.throwIfAborted();
      const byPrompt = this.#config.kvLookup === "prompt";
      const isKept = byPrompt
        ? this.#config.role === "prefill"
        : request.kvParams?.get("do_remote_decode") === "true";
      if (!isKept) return "null";
      leased = true;
      const params = this.#lease(sequence, slot.blocks);
      return byPrompt ? "null" : params;
    } finally {
      if (!leased) this.#kv.release(slot.blocks);
      this.#batch.leave(slot);
    }
  }

  async #enterBatch({ request, remoteKv, signal }: Sequence): Promise<Slot> {
    const { promptTokens, maxTokens } = request;
    const blockCount = Math.ceil((promptTokens + maxTokens) / this.#config.blockSize);
    try {
      return await this.#batch.enter(blockCount, remoteKv === undefined ? promptTokens : 0, signal);
    } catch (error) {
      // As in vLLM: a decode that ends before it pulled tells prefill, which would keep the blocks in vain.
      void remoteKv?.pull();
      throw error;
    }
  }

  /** Pulls the prompt's KV cache from the prefill instance, or computes it. */
  async #fillKvCache(sequence: Sequence, slot: Slot): Promise<void> {
    const { id, request, remoteKv, signal } = sequence;
    if (remoteKv !== undefined) {
      const failure = await remoteKv.pull();
      this.counters.pulled[failure === undefined ? "ok" : "failed"] += 1;
      if (failure === undefined) return;
      this.#log(`${id}: loading the KV cache failed: ${failure}`);
      if (this.#config.kvLoadFailurePolicy === "fail" && !remoteKv.optional) throw internalError();
      this.#recompute(id, remoteKv.optional ? "not_found" : "load_failure");
    } else if (this.#config.role === "decode") {
      this.#recompute(id, request.kvParams === undefined ? "no_params" : "incomplete_params");
    }
    await pause(prefillMs(this.#config, request.promptTokens), signal);
    this.#batch.prefillDone(slot);
  }

  #recompute(id: string, reason: RecomputeReason): void {
    this.counters.recomputed[reason] += 1;
    this.#log(`${id}: decode computes the prompt itself (${reason})`);
  }

  #lease({ id, request }: Sequence, blocks: readonly number[]): string {
    const { kvLeaseSeconds } = this.#config;
    const params = transferParams(this.#config, this.engineId, id, blocks, request.promptTokens);
    this.#kv.hold(id, { blocks, promptHash: request.promptHash, params: members(params) });
    setTimeout(() => {
      if (!this.#endLease(id)) return;
      this.counters.kvExpired += 1;
      this.#log(`${id}: no decode pulled the KV cache in ${kvLeaseSeconds} s, it is freed`);
    }, kvLeaseSeconds * 1000).unref();
    return params;
  }

  /** Prefill's side of a pull: hands the KV cache over and frees it. Gives the reason when it may not. */
  handOver(pullBody: string): string | undefined {
    const { promptHash, params, requestId: named } = parsePull(pullBody);
    const byPrompt = this.#config.kvLookup === "prompt";
    const requestId = byPrompt ? (this.#kv.oldestOf(promptHash) ?? "") : named;
    const lease = this.#kv.lease(requestId);
    if (lease === undefined) {
      return `no KV cache is held for ${requestId}: never was, pulled before, or its lease expired`;
    }
    const reason = byPrompt ? undefined : mismatch(lease, promptHash, params);
    if (reason === undefined) this.#endLease(requestId);
    return reason;
  }

  #endLease(requestId: string): boolean {
    const ended = this.#kv.endLease(requestId);
    if (ended) this.#batch.fill();
    return ended;
  }
}

/** Always lets other work run; rejects with an AbortError as soon as the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await sleep(milliseconds, undefined, { signal });
  else await yieldOnce(undefined, { signal });
}
