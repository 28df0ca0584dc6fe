import type { WatchLimits } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import { askWhole } from "../engine/ask.ts";
import { ERROR_KEYS, failureFromAnswer } from "../engine/refusal.ts";
import { engineRequest } from "../engine/request.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure, toFailure } from "../errors.ts";
import { CacheSize } from "../instances/cache-size.ts";
import type { Instance } from "../instances/instances.ts";
import {
  cacheProblem,
  type LoadPolicy,
  loadProblem,
  ofRank,
  readCache,
  readLoad,
  readWork,
  type Work,
} from "../instances/load.ts";
import { PromptWatch, readSources } from "../instances/prompt-sources.ts";
import { scanIfObject } from "../json/spans.ts";
import { Drought, firstModel, probeBody, Silence } from "./stall.ts";

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** An answer that does not come in time is not an outage: an engine that is busy may answer late. */
const MISSES_TO_EJECT = 2;
/** How a connection ends where no engine serves any more. */
const GONE = /^(?:ECONNREFUSED|ECONNRESET|connection closed)/;
/** For the answer to a probe: one token. */
const PROBE_MS = 5000;

interface StallLimit {
  /** Whether anybody is told where decode's prompts come from. */
  readonly asksForSources: boolean;
  /** How long an instance may have requests without a byte of an answer before it is tried. */
  readonly stallMs: number;
}

/** How many health checks come for each time that decode is asked where its prompts come from. */
const CHECKS_A_LOOK = 10;

/** How an instance is tried that seems to stand still. */
export interface Probe {
  /** `undefined` for the one that it tells of. */
  readonly model: string | undefined;
}

/** What came of one. */
export interface Trial {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly works: boolean;
}

/** Told once per change. */
export interface Observer {
  healthChanged(instance: Instance): void;
  stalledChanged(instance: Instance): void;
  /** `problem`: why its load cannot be compared; `undefined` when it can. */
  loadChanged(instance: Instance, problem: string | undefined): void;
  /** Whether decode computes prompts itself. */
  promptsChanged(instance: Instance): void;
  /** `why`: instances cannot be asked; `undefined` when they can again. */
  shortChanged(why: string | undefined): void;
}

/** Keeps asking instances how they are, until `forget` or `end`. */
export class Watch {
  readonly #deadlines: Deadlines;
  readonly #limits: WatchLimits & StallLimit;
  readonly #observer: Observer;
  readonly #loadPolicy: LoadPolicy | undefined;
  readonly #probe: Probe | undefined;
  readonly #watched = new Set<Instance>();
  readonly #trials = new WeakMap<Instance, Trial>();
  readonly #stops = new Set<StopSignal>();
  #shortOf: string | undefined;

  /** `loadPolicy`: for which prefill instances are asked for their load. */
  constructor(
    deadlines: Deadlines,
    limits: WatchLimits & StallLimit,
    loadPolicy: LoadPolicy | undefined,
    probe: Probe | undefined,
    observer: Observer,
  ) {
    this.#deadlines = deadlines;
    this.#limits = limits;
    this.#loadPolicy = loadPolicy;
    this.#probe = probe;
    this.#observer = observer;
  }

  /** Keeps its `healthy`, `stalled` and `load` up to date. */
  add(instance: Instance): void {
    this.#watched.add(instance);
    this.#health(instance);
    void this.#progress(instance);
    if (this.#loadPolicy !== undefined && instance.role === "prefill") this.#load(instance, this.#loadPolicy);
    this.#cache(instance);
    if (this.#limits.asksForSources && instance.role === "decode") this.#sources(instance);
  }

  trialOf(instance: Instance): Trial | undefined {
    return this.#trials.get(instance);
  }

  forget(instance: Instance): void {
    this.#watched.delete(instance);
  }

  #health(instance: Instance): void {
    let misses = 0;
    void this.#repeat(instance, "/health", () => (answer) => {
      if (this.#isShort(answer)) return;
      const isMissing = answer instanceof Failure && !isNo(answer);
      misses = isMissing ? misses + 1 : 0;
      const isTrusted = isMissing && instance.healthy && misses < MISSES_TO_EJECT;
      const healthy = isTrusted || !(answer instanceof Failure);
      if (healthy === instance.healthy) return;
      instance.healthy = healthy;
      // It may be started anew, with nothing in its cache.
      if (!healthy) instance.cache?.clear();
      this.#observer.healthChanged(instance);
    });
  }

  /** Whether it could not be asked, which says nothing of it. */
  #isShort(answer: Buffer | Failure): boolean {
    const why = answer instanceof Failure && answer.code === "overloaded" ? answer.detail : undefined;
    if (why !== this.#shortOf) this.#observer.shortChanged(why);
    this.#shortOf = why;
    return why !== undefined;
  }

  async #progress(instance: Instance): Promise<void> {
    const silence = new Silence(instance);
    const drought = new Drought(instance);
    let isTried = false;
    for (;;) {
      // What it was tried with shows in its metrics some time later.
      const asked = isTried ? undefined : this.#work(instance, drought);
      const [work] = await Promise.all([asked, this.#pause(this.#limits.intervalMs)]);
      if (!this.#watched.has(instance)) return;
      drought.look(work);
      const isHeard = silence.isBroken;
      silence.look();
      const isSuspect = instance.stalled ? !isHeard : silence.ms > this.#limits.stallMs;
      const stalled = instance.healthy && isSuspect && !(await this.#tried(instance)) && !silence.isBroken;
      isTried = isSuspect && !stalled;
      if (isTried) {
        silence.restart();
        drought.tried();
      }
      if (stalled === instance.stalled || !this.#watched.has(instance)) continue;
      instance.stalled = stalled;
      this.#observer.stalledChanged(instance);
    }
  }

  /** What a decode instance that has been silent for long says of its work before it is looked at again. */
  async #work(instance: Instance, { silentMs }: Drought): Promise<Work | undefined> {
    const { stallMs, intervalMs, timeoutMs } = this.#limits;
    if (instance.role !== "decode" || silentMs <= stallMs) return undefined;
    return this.#readWork(instance, Math.min(intervalMs, timeoutMs));
  }

  async #readWork(instance: Instance, limitMs?: number): Promise<Work> {
    const metrics = (await this.#get(instance, "/metrics", limitMs))?.toString() ?? "";
    return readWork(ofRank(metrics, instance.rank));
  }

  async #tried(instance: Instance): Promise<boolean> {
    const works = await this.#works(instance);
    this.#trials.set(instance, { at: Date.now(), works });
    return works;
  }

  /** Whether an instance that is silent works: it gives a token, or its metrics move. */
  async #works(instance: Instance): Promise<boolean> {
    const work = () => this.#readWork(instance);
    const [before, token] = await Promise.all([work(), this.#tryToken(instance)]);
    if (token === "given") return true;
    const after = before.done === undefined ? before : await work();
    if (after.done !== before.done) return true;
    // Where it cannot be tried it gets requests again when none of those that stood still is left.
    return token === "refused" && (after.left ?? instance.inFlight) === 0;
  }

  async #tryToken(instance: Instance): Promise<"given" | "refused" | "missing"> {
    const limitMs = Math.min(PROBE_MS, this.#limits.stallMs);
    const until = performance.now() + limitMs;
    const left = () => Math.max(until - performance.now(), 0);
    if (this.#probe !== undefined) {
      const model = this.#probe.model ?? firstModel(await this.#get(instance, "/v1/models"));
      try {
        await this.#ask(instance, "/v1/completions", left(), [probeBody(model)]);
        return "given";
      } catch (failure) {
        if (!(failure instanceof Failure) || failure.code !== "refused_by_engine") return "missing";
      }
    }
    // Its metrics need the time to move.
    await this.#pause(left());
    return "refused";
  }

  #load(instance: Instance, policy: LoadPolicy): void {
    let said: string | undefined;
    void this.#repeat(instance, "/metrics", () => {
      const { sent } = instance;
      return (answer) => {
        const load =
          answer instanceof Failure ? undefined : readLoad(ofRank(answer.toString(), instance.rank));
        // What was sent while it answered may be in its numbers or not: it is counted twice rather than never.
        if (load !== undefined) instance.sentBefore = sent;
        const problem = loadProblem(policy, load);
        instance.load = problem === undefined ? load : undefined;
        if (problem === said) return;
        said = problem;
        this.#observer.loadChanged(instance, problem);
      };
    });
  }

  /** Learns what its prefix cache holds, where requests go by that. */
  #cache(instance: Instance): void {
    const { cache } = instance;
    if (cache === undefined) return;
    const size = new CacheSize(cache);
    let said: string | undefined;
    void this.#repeat(instance, "/metrics", () => {
      const { expected } = instance;
      return (answer) => {
        const metrics = answer instanceof Failure ? undefined : ofRank(answer.toString(), instance.rank);
        const told = metrics === undefined ? undefined : readCache(metrics);
        if (told !== undefined) size.hear(told, expected);
        const problem = cacheProblem(told);
        instance.load = metrics === undefined || problem !== undefined ? undefined : readLoad(metrics);
        if (problem === said) return;
        said = problem;
        this.#observer.loadChanged(instance, problem);
      };
    });
  }

  /** Learns whether prefill's work reaches a decode instance. */
  #sources(instance: Instance): void {
    const watch = new PromptWatch();
    const looks = () => (answer: Buffer | Failure) => {
      const metrics =
        answer instanceof Failure ? undefined : ofRank(answer.toString("latin1"), instance.rank);
      const sources = metrics === undefined ? undefined : readSources(metrics);
      watch.look(sources);
      instance.sources = sources;
      instance.transferShare = watch.share;
      if (instance.computesPrompts === watch.computes) return;
      instance.computesPrompts = watch.computes;
      this.#observer.promptsChanged(instance);
    };
    void this.#repeat(instance, "/metrics", looks, CHECKS_A_LOOK * this.#limits.intervalMs);
  }

  end(): void {
    this.#watched.clear();
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  /** `asking` is called before each question and gives who hears its answer. */
  async #repeat(
    instance: Instance,
    path: string,
    asking: () => (answer: Buffer | Failure) => void,
    intervalMs = this.#limits.intervalMs,
  ): Promise<void> {
    while (this.#watched.has(instance)) {
      const hear = asking();
      const answer = await this.#ask(instance, path, this.#limits.timeoutMs).catch(toFailure);
      if (!this.#watched.has(instance)) return;
      hear(answer);
      await this.#pause(intervalMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms).unref());
  }

  /** The body of a 200; `undefined` for anything else. */
  #get(instance: Instance, path: string, limitMs = this.#limits.timeoutMs): Promise<Buffer | undefined> {
    return this.#ask(instance, path, limitMs).catch(() => undefined);
  }

  async #ask(instance: Instance, path: string, limitMs: number, body?: readonly Buffer[]): Promise<Buffer> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const request = engineRequest(instance, path, "watch", "", body);
    const deadlines = this.#deadlines;
    const question = { instance, request, deadlines, limitMs, fresh: true, isCheck: true, stop } as const;
    const answer = await askWhole(question, MAX_ANSWER_BYTES).finally(() => this.#stops.delete(stop));
    const failure = failureFromAnswer(instance, answer, scanIfObject(answer, ERROR_KEYS));
    if (failure !== undefined) throw failure;
    return answer;
  }
}

/** Whether an engine, or what is left of it, has answered other than well. */
function isNo({ code, detail = "" }: Failure): boolean {
  if (code.endsWith("_unreachable")) return GONE.test(detail);
  return code === "refused_by_engine" || code.endsWith("_failed");
}
