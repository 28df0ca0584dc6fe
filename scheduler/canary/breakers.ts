import type { Config } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import { FAULTS } from "../instances/account.ts";
import type { Instance } from "../instances/instances.ts";
import { type LogSink, logLine } from "../log.ts";
import { Asking } from "./asking.ts";
import { type Breaker, CLOSED, counted, isHalfOpen, tried } from "./breaker.ts";
import { isRefusal } from "./verdict.ts";

const LOOK_MS = 250;

interface Members {
  readonly instances: readonly Instance[];
  /** Which of them get requests has changed. */
  recheck(): void;
}

/** What is known of one instance. */
interface Known {
  breaker: Breaker;
  /** Ends of requests ever, as they were last seen. */
  good: number;
  bad: number;
  isTried: boolean;
}

/**
 * A breaker for each instance, fed with what all threads count anyway. While it is open the instance is `broken` and gets no
 * requests; never the last ready one of its role, whose requests may end well after all.
 */
export class Breakers {
  readonly #asking: Asking;
  /** Whether an instance can be asked alone. */
  readonly #tries: boolean;
  readonly #members: Members;
  readonly #log: LogSink;
  readonly #known = new WeakMap<Instance, Known>();
  readonly #timer: NodeJS.Timeout;

  constructor(config: Config, deadlines: Deadlines, members: Members, log: LogSink) {
    const { servedModels, handoff, kvRelease } = config;
    this.#asking = new Asking(deadlines, servedModels[0], handoff, kvRelease);
    this.#tries = handoff !== "plain";
    this.#members = members;
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#asking.close();
  }

  #look(): void {
    for (const instance of this.#members.instances) {
      const known = this.#of(instance);
      const { good, bad } = known;
      Object.assign(known, endsOf(instance));
      const now = performance.now();
      // It was started anew, or taken out and put back.
      if (!instance.broken && known.breaker.kind === "open") known.breaker = CLOSED;
      const before = known.breaker;
      known.breaker = counted(before, { good: known.good - good, bad: known.bad - bad }, now);
      if (known.breaker.kind === "open" && before.kind === "closed") {
        if (this.#isLast(instance)) known.breaker = CLOSED;
        else this.#become(instance, true);
      }
      if (isHalfOpen(known.breaker, now) && !known.isTried) void this.#try(instance, known);
    }
  }

  async #try(instance: Instance, known: Known): Promise<void> {
    known.isTried = true;
    const works = !this.#tries || (await this.#works(instance));
    known.isTried = false;
    known.breaker = tried(known.breaker, works, performance.now());
    if (works && instance.broken) this.#become(instance, false);
  }

  /** One that refuses a canary, as where engines want a client's key, would refuse all: its requests have to show it. */
  async #works(instance: Instance): Promise<boolean> {
    const answered = await this.#asking.alone(instance);
    return answered.text !== undefined || isRefusal(answered.failure);
  }

  #become(instance: Instance, broken: boolean): void {
    instance.broken = broken;
    this.#log(logLine({ instance: instance.name, broken }));
    this.#members.recheck();
  }

  #isLast(instance: Instance): boolean {
    const { instances } = this.#members;
    return !instances.some((other) => other !== instance && other.role === instance.role && other.ready);
  }

  #of(instance: Instance): Known {
    const known = this.#known.get(instance) ?? { breaker: CLOSED, isTried: false, good: 0, bad: 0 };
    this.#known.set(instance, known);
    return known;
  }
}

/** A stream that has begun counts like a whole answer: it may last for minutes. */
function endsOf(instance: Instance): { good: number; bad: number } {
  const bad = FAULTS.reduce((sum, fault) => sum + instance.faults(fault), 0);
  return { good: instance.served + instance.firsts.count, bad };
}
