import type { ServerConfig } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import { askWhole } from "../engine/ask.ts";
import { engineRequest } from "../engine/request.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure, toFailure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import type { KvHold } from "../instances/kv-hold.ts";
import type { Picker } from "../instances/policy.ts";
import { type LogSink, logLine } from "../log.ts";
import { rejectedBody } from "./legs.ts";

const AT_ONCE = 16;
/** More are left to their leases. */
const MAX_WAITING = 10_000;
const LIMIT_MS = 2000;
/** The second one on another instance, where there is one. */
const ATTEMPTS = 2;
const MAX_ANSWER_BYTES = 64 * 1024;

/** A KV cache that no decode instance has or will be asked for again. */
interface Stranded {
  readonly kv: KvHold;
  readonly kvParams: string;
  /** Lines of the client's head: an engine may want its key. */
  readonly forwarded: string;
  /** Of the client's request. */
  readonly id: string;
}

/**
 * Has prefill free KV cache that decode will not fetch, by requests to decode that it has to reject. No client waits for
 * one of them.
 */
export class Releases {
  readonly #decode: Picker;
  readonly #deadlines: Deadlines;
  readonly #model: string | undefined;
  readonly #log: LogSink;
  readonly #waiting: Stranded[] = [];
  readonly #stops = new Set<StopSignal>();
  #running = 0;
  #isClosed = false;

  constructor(decode: Picker, deadlines: Deadlines, { servedModels }: ServerConfig, log: LogSink) {
    this.#decode = decode;
    this.#deadlines = deadlines;
    this.#model = servedModels[0];
    this.#log = log;
  }

  add(stranded: Stranded): void {
    if (this.#waiting.length >= MAX_WAITING) this.#failed(stranded, `${MAX_WAITING} others wait`);
    else this.#waiting.push(stranded);
    if (this.#running < AT_ONCE) void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  async #run(): Promise<void> {
    this.#running++;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.kv.isHeld && !this.#isClosed) await this.#release(next);
    }
    this.#running--;
  }

  async #release(stranded: Stranded): Promise<void> {
    let why = "no decode instance is ready";
    const asked: Instance[] = [];
    while (asked.length < ATTEMPTS && !this.#isClosed) {
      const instance = this.#decode.pick(asked) ?? asked[0];
      if (instance === undefined) break;
      const failure = await this.#ask(instance, stranded, asked.length > 0);
      asked.push(instance);
      if (failure?.status === 400 || failure?.isBusy === true) return stranded.kv.released();
      why = `${instance.name}: ${failure?.detail ?? failure?.code ?? "it was not rejected"}`;
    }
    this.#failed(stranded, why);
  }

  /** What decode says to a request that it cannot take. */
  async #ask(
    instance: Instance,
    { kvParams, forwarded, id }: Stranded,
    fresh: boolean,
  ): Promise<Failure | undefined> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const body = rejectedBody(this.#model, kvParams);
    const question = {
      instance,
      request: engineRequest(instance, "/v1/completions", id, forwarded, body),
      deadlines: this.#deadlines,
      limitMs: LIMIT_MS,
      fresh,
      isCheck: true,
      stop,
    } as const;
    try {
      await askWhole(question, MAX_ANSWER_BYTES);
      return undefined;
    } catch (error) {
      return toFailure(error);
    } finally {
      this.#stops.delete(stop);
    }
  }

  #failed({ kv: { instance } }: Stranded, why: string): void {
    if (!this.#isClosed) this.#log(logLine({ instance: instance.name, unreleased: why }));
  }
}
