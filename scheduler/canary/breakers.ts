import type { Config } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Instance } from "../instances/instances.ts";
import { type LogSink, logLine } from "../log.ts";
import { Asking } from "./asking.ts";
import { type Breaker, CLOSED, counted, isHalfOpen, tried } from "./breaker.ts";
import type { Members } from "./members.ts";
import { isRefusal } from "./verdict.ts";

const LOOK_MS = 250;

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
 * requests; never the last ready one of its role, whose requests may end well after all, nor more than half of them, since
 * what most fail may be the requests' fault.
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
      if (known.breaker.kind === "open" && this.#isNeeded(instance)) {
        known.breaker = CLOSED;
        if (instance.broken) this.#become(instance, false);
      } else if (known.breaker.kind === "open" && before.kind === "closed") this.#become(instance, true);
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

  #isNeeded(instance: Instance): boolean {
    const others = this.#members.instances.filter(
      (other) => other !== instance && other.role === instance.role,
    );
    const isLast = !others.some(({ ready }) => ready);
    return isLast || (others.filter(({ broken }) => broken).length + 1) * 2 > others.length + 1;
  }

  #of(instance: Instance): Known {
    const known = this.#known.get(instance) ?? { breaker: CLOSED, isTried: false, good: 0, bad: 0 };
    this.#known.set(instance, known);
    return known;
  }
}

/** Of a stream its first event counts as well: its end may be minutes away. */
const endsOf = ({ served, firsts, failures }: Instance) => ({ good: served + firsts.count, bad: failures });
