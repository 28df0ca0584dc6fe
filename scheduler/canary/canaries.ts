import type { Config } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Instance } from "../instances/instances.ts";
import { PAIR } from "../instances/pairs.ts";
import { type LogSink, logLine } from "../log.ts";
import { Silence } from "../membership/stall.ts";
import { Asking } from "./asking.ts";
import type { Members } from "./members.ts";
import { after, isDue, isUrgent, NEW, SPACING_MS, type Timing } from "./schedule.ts";
import { type Expected, isEvidence, narrowed, secondVerdictOf, type Verdict, verdictOf } from "./verdict.ts";

const TICK_MS = 100;

interface Pair {
  readonly prefill: Instance;
  readonly decode: Instance;
}

/**
 * Has each pair of prefill and decode compute known tokens: before it serves, after a request has failed on it, and from
 * time to time. A pair that gives others serves no request before it gives the right ones.
 *
 * In the thread that watches instances; the others see the verdicts in the instances' accounts.
 */
export class Canaries {
  readonly #config: Config;
  readonly #asking: Asking;
  readonly #members: Members;
  readonly #log: LogSink;
  readonly #timings = new WeakMap<Instance, WeakMap<Instance, Timing>>();
  readonly #expected = new WeakMap<Instance, Expected>();
  readonly #silences = new WeakMap<Instance, Silence>();
  /** When it last began one. */
  readonly #began = new WeakMap<Instance, number>();
  readonly #singing = new Set<Instance>();
  /** Of those that are told to have changed meanwhile. */
  readonly #renewals = new WeakMap<Instance, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(config: Config, deadlines: Deadlines, members: Members, log: LogSink) {
    const { servedModels, handoff, kvRelease } = config;
    this.#config = config;
    this.#asking = new Asking(deadlines, servedModels[0], handoff, kvRelease);
    this.#members = members;
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), TICK_MS).unref();
  }

  /** Another process may stand behind its address. */
  renewed(instance: Instance): void {
    this.#renewals.set(instance, this.#renewal(instance) + 1);
    this.#expected.delete(instance);
    for (const other of this.#members.instances)
      if (other.role !== instance.role) this.#setTiming(pairOf(instance, other), NEW);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#asking.close();
  }

  #look(): void {
    const now = performance.now();
    const { instances } = this.#members;
    const free = instances.filter((one) => this.#isFree(one));
    const rested = new Set(free.filter((one) => this.#isRested(one, now)));
    // A deployment of ranks has thousands of pairs: what is known of an instance is asked once, not for each of them.
    const due = pairsOf(free).filter((pair) => {
      this.#endTrust(pair, now);
      const state = stateOf(pair);
      if (!isUrgent(state) && !(rested.has(pair.prefill) && rested.has(pair.decode))) return false;
      return isDue(state, this.#timing(pair), now, this.#config.canaryMs);
    });
    const rank = (pair: Pair) => (isUrgent(stateOf(pair)) ? 0 : 1);
    due.sort((a, b) => rank(a) - rank(b) || this.#timing(a).last - this.#timing(b).last);
    for (const pair of due)
      if (!this.#singing.has(pair.prefill) && !this.#singing.has(pair.decode)) void this.#sing(pair, now);
    for (const instance of instances) this.#silence(instance).look();
    if (this.prove()) this.#members.recheck();
  }

  #endTrust(pair: Pair, now: number): void {
    const { prefill, decode } = pair;
    if (stateOf(pair) === PAIR.trusted && now >= this.#timing(pair).last + this.#config.canaryMs)
      decode.pairs.set(prefill.place, PAIR.serves);
  }

  /** Whether it may have a canary at all. */
  #isFree(one: Instance): boolean {
    return isUp(one) && !this.#singing.has(one) && one.inFlight < this.#config.runningRequests[one.role];
  }

  /** And one by schedule: one that seems to stand still is tried by the watch, and tokens of a canary would speak for it. */
  #isRested(one: Instance, now: number): boolean {
    const { stallMs } = this.#config.timeouts;
    return now >= (this.#began.get(one) ?? 0) + SPACING_MS && this.#silence(one).ms <= stallMs;
  }

  async #sing(pair: Pair, now: number): Promise<void> {
    const { prefill, decode } = pair;
    const both = [prefill, decode];
    const renewals = both.map((one) => this.#renewal(one));
    for (const one of both) {
      this.#singing.add(one);
      this.#began.set(one, now);
    }
    const verdict = await this.#verdict(pair);
    for (const one of both) this.#singing.delete(one);
    if (both.some((one, at) => this.#renewal(one) !== renewals[at] || !this.#members.instances.includes(one)))
      return;
    decode.sang(verdict.outcome);
    this.#obey(pair, verdict);
    this.#members.recheck();
  }

  async #verdict(pair: Pair): Promise<Verdict> {
    const { prefill, decode } = pair;
    const asking = this.#asking;
    let known = this.#expected.get(decode);
    // Twice, to see whether it is always the same.
    for (let times = known === undefined ? 2 : 0; times > 0; times--) {
      const alone = await asking.alone(decode);
      if (alone.text === undefined) return verdictOf({ ...alone, leg: "prefill" }, "") ?? UNKNOWN;
      known = this.#learn(decode, alone.text);
    }
    const first = verdictOf(await asking.handed(prefill, decode), known ?? "");
    if (first !== undefined) return first;
    const alone = await asking.alone(decode);
    if (alone.text === undefined) return UNKNOWN;
    return secondVerdictOf(await asking.handed(prefill, decode), this.#learn(decode, alone.text));
  }

  #learn(decode: Instance, text: string): Expected {
    const before = this.#expected.get(decode);
    const expected = narrowed(before, text);
    this.#expected.set(decode, expected);
    if (!isEvidence(expected) && (before === undefined || isEvidence(before)))
      this.#log(
        logLine({
          instance: decode.name,
          canary: "its tokens are not the same each time: only that KV comes is seen",
        }),
      );
    return expected;
  }

  #obey(pair: Pair, verdict: Verdict): void {
    const { prefill, decode } = pair;
    const { place } = prefill;
    const before = stateOf(pair);
    const now = performance.now();
    const { trusted, serves, quarantined, suspect, asked, unguarded } = PAIR;
    const names = { pair: [prefill.name, decode.name] };
    if (verdict.outcome === "unknown" && verdict.never) {
      if (before !== unguarded) this.#log(logLine({ ...names, canary: `none can be sung: ${verdict.why}` }));
      decode.pairs.set(place, unguarded);
    } else if (verdict.outcome === "passed") {
      decode.pairs.set(place, before === suspect || before === asked ? trusted : serves);
      if (before === quarantined) this.#log(logLine({ ...names, quarantined: false }));
    } else if (verdict.outcome === "failed") {
      decode.pairs.set(place, quarantined);
      if (before !== quarantined) this.#log(logLine({ ...names, quarantined: true, why: verdict.why }));
    }
    this.#setTiming(pair, after(this.#timing(pair), verdict.outcome === "passed", now));
  }

  /** Instances that no pair is left of get nothing. Gives whether that has changed for any. */
  prove(): boolean {
    const { instances } = this.#members;
    const up = instances.filter(isUp);
    const othersOf = {
      prefill: up.filter(({ role }) => role === "decode"),
      decode: up.filter(({ role }) => role === "prefill"),
    };
    let hasChanged = false;
    for (const one of instances) {
      const others = othersOf[one.role];
      const unproven = others.length > 0 && others.every((other) => isBarred(pairOf(one, other)));
      if (unproven === one.unproven) continue;
      one.unproven = unproven;
      hasChanged = true;
      this.#log(logLine({ instance: one.name, unproven }));
    }
    return hasChanged;
  }

  #timing({ prefill, decode }: Pair): Timing {
    return this.#timings.get(decode)?.get(prefill) ?? NEW;
  }

  #setTiming({ prefill, decode }: Pair, timing: Timing): void {
    const its = this.#timings.get(decode) ?? new WeakMap();
    this.#timings.set(decode, its.set(prefill, timing));
  }

  #renewal(instance: Instance): number {
    return this.#renewals.get(instance) ?? 0;
  }

  #silence(instance: Instance): Silence {
    const known = this.#silences.get(instance) ?? new Silence(instance);
    this.#silences.set(instance, known);
    return known;
  }
}

const UNKNOWN: Verdict = { outcome: "unknown", why: "decode does not compute alone", never: false };

function pairsOf(instances: readonly Instance[]): Pair[] {
  const decodes = instances.filter(({ role }) => role === "decode");
  return instances
    .filter(({ role }) => role === "prefill")
    .flatMap((prefill) => decodes.map((decode) => ({ prefill, decode })));
}

function pairOf(one: Instance, other: Instance): Pair {
  return one.role === "prefill" ? { prefill: one, decode: other } : { prefill: other, decode: one };
}

function isBarred({ prefill, decode }: Pair): boolean {
  return decode.pairs.bars(prefill.place);
}

const stateOf = ({ prefill, decode }: Pair) => decode.pairs.at(prefill.place);

/** Whether it would serve, as far as is known without its pairs. */
function isUp({ healthy, stalled, broken, draining }: Instance): boolean {
  return healthy && !stalled && !broken && !draining;
}
