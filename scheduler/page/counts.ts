import { ERRORS, type ErrorCode } from "../errors.ts";
import type { Times } from "../instances/account.ts";
import type { Instance } from "../instances/instances.ts";
import type { Stats } from "../operations/stats.ts";

/** What has been counted up to a time: of two of them come rates and means. */
export interface Counts {
  /** By a clock that nobody sets, in milliseconds. */
  readonly at: number;
  readonly requests: number;
  readonly failed: number;
  readonly events: number;
  readonly ttft: Times;
  readonly tpot: Times;
  readonly instances: ReadonlyMap<number, InstanceCounts>;
}

interface InstanceCounts {
  readonly firsts: Times;
  readonly paces: Times;
  /** Of a decode instance, by the ids of prefill instances. */
  readonly handed: ReadonlyMap<number, number>;
}

export function countsOf(at: number, stats: Stats, instances: readonly Instance[]): Counts {
  const prefill = instances.filter(({ role }) => role === "prefill");
  const counted = instances.map((instance) => {
    const { id, role, firsts, paces } = instance;
    const givers = role === "decode" ? prefill : [];
    const handed = new Map(givers.map((giver) => [giver.id, instance.handedFrom(giver.place)]));
    return [id, { firsts, paces, handed }] as const;
  });
  let requests = 0;
  let failed = 0;
  for (const { labels, value } of stats.requestSamples()) {
    requests += value;
    if (isFailed(labels.outcome ?? "")) failed += value;
  }
  const times = (histogram: Stats["ttft"]): Times => {
    const { count, sum } = histogram.totals;
    return { count, ms: 1000 * sum };
  };
  return {
    at,
    requests,
    failed,
    events: stats.events,
    ttft: times(stats.ttft),
    tpot: times(stats.tpot),
    instances: new Map(counted),
  };
}

/** Whether it is not the client who ended a request other than well. */
function isFailed(outcome: string): boolean {
  return outcome in ERRORS && ERRORS[outcome as ErrorCode][0] >= 500;
}

/** How much more a second; 0 without an earlier count. */
export function rate(now: number, before: number | undefined, ms: number): number {
  if (before === undefined || ms <= 0 || now < before) return 0;
  return ((now - before) / ms) * 1000;
}

/** Of what was timed since `before`, in milliseconds; undefined where nothing was. */
export function mean(now: Times, before: Times | undefined): number | undefined {
  const count = before === undefined ? 0 : now.count - before.count;
  return before === undefined || count <= 0 ? undefined : (now.ms - before.ms) / count;
}
