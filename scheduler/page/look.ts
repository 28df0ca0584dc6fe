import type { HostView, InstanceView, Snapshot, StateWord } from "../../page/snapshot.ts";
import type { Instance } from "../instances/instances.ts";
import type { Telling } from "../instances/load.ts";
import type { Trial } from "../membership/watch.ts";
import { type Counts, mean, rate } from "./counts.ts";

/** What is known of the scheduler and its instances besides what is counted. */
export interface Facts
  extends Pick<Snapshot, "at" | "startedAt" | "version" | "models" | "policy" | "handoff"> {
  readonly state: Snapshot["state"];
  readonly inFlight: number;
  readonly instances: readonly Instance[];
  isLeaving(instance: Instance): boolean;
  trialOf(instance: Instance): Trial | undefined;
  quarantinedFor(instance: Instance): readonly Instance[];
  npusOf(instance: Instance): readonly number[];
  tellingOf(instance: Instance): Telling | undefined;
  readonly events: Snapshot["events"];
}

/** The snapshot of now; rates and means are since `before`, where there is one. */
export function snapshotOf(facts: Facts, now: Counts, before: Counts | undefined): Snapshot {
  const { at, startedAt, version, models, policy, handoff, state, inFlight, instances, events } = facts;
  const ms = before === undefined ? 0 : now.at - before.at;
  const edges = edgesOf(instances, now, before, ms);
  const sum = (of: "kvHeld" | "kvReleased" | "kvExpired") =>
    instances.reduce((total, instance) => total + instance[of], 0);
  return {
    at,
    startedAt,
    version,
    models,
    policy,
    handoff,
    state,
    totals: {
      inFlight,
      requestsPerSecond: rounded(rate(now.requests, before?.requests, ms)),
      failedPerSecond: rounded(rate(now.failed, before?.failed, ms)),
      eventsPerSecond: rounded(rate(now.events, before?.events, ms)),
      handoffsPerSecond: rounded(edges.reduce((total, [, , perSecond]) => total + perSecond, 0)),
      kvHeld: sum("kvHeld"),
      kvReleased: sum("kvReleased"),
      kvExpired: sum("kvExpired"),
      ...timed(mean(now.ttft, before?.ttft), mean(now.tpot, before?.tpot)),
    },
    hosts: hostsOf(instances),
    instances: instances.map((instance) => viewOf(instance, facts, now, before)),
    edges,
    events,
  };
}

function viewOf(instance: Instance, facts: Facts, now: Counts, before: Counts | undefined): InstanceView {
  const { name, role, pool, id, inFlight, kvHeld, kvReleased, kvExpired, served } = instance;
  const { transferShare, computesPrompts } = instance;
  const [counts, earlier] = [now.instances.get(id), before?.instances.get(id)];
  const since = (of: "firsts" | "paces") => counts && mean(counts[of], earlier?.[of]);
  const trial = facts.trialOf(instance);
  const quarantined = facts.quarantinedFor(instance).map((other) => other.name);
  const { running, waiting, kvUsage } = facts.tellingOf(instance) ?? {};
  const said = Object.entries({ running, waiting, kvUsage }).filter(([, value]) => Number.isFinite(value));
  return {
    name,
    role,
    host: pool.host,
    address: pool.authority,
    npus: facts.npusOf(instance),
    states: statesOf(instance, facts.isLeaving(instance)),
    ...(trial && { trial }),
    ...(quarantined.length > 0 && { quarantined }),
    inFlight,
    ...Object.fromEntries(said),
    ...(!Number.isNaN(transferShare) && { transferShare: rounded(transferShare) }),
    ...(computesPrompts && { computesPrompts }),
    kvHeld,
    kvReleased,
    kvExpired,
    served,
    failures: instance.failures,
    ...timed(since("firsts"), since("paces")),
  };
}

/** What is wrong with an instance, the worst first: of several one is told. */
const ILLS = ["stalled", "broken", "unproven"] as const;
type Being = Pick<Instance, "healthy" | "draining" | "idle" | (typeof ILLS)[number]>;

export function statesOf(being: Being, isLeaving: boolean): readonly StateWord[] {
  const { healthy, draining, idle } = being;
  const health: StateWord[] = healthy ? ILLS.filter((ill) => being[ill]).slice(0, 1) : ["unhealthy"];
  if (isLeaving) return ["leaving", ...health];
  if (draining) return [idle ? "drained" : "draining", ...health];
  return health.length > 0 ? health : ["ready"];
}

function edgesOf(
  instances: readonly Instance[],
  now: Counts,
  before: Counts | undefined,
  ms: number,
): Snapshot["edges"] {
  return instances.flatMap(({ id }, to) => {
    const handed = now.instances.get(id)?.handed ?? new Map<number, number>();
    const earlier = before?.instances.get(id)?.handed;
    return instances.flatMap((giver, from): Snapshot["edges"] => {
      const count = handed.get(giver.id);
      if (count === undefined) return [];
      const perSecond = rounded(rate(count, earlier?.get(giver.id), ms));
      return perSecond > 0 ? [[from, to, perSecond]] : [];
    });
  });
}

function hostsOf(instances: readonly Instance[]): HostView[] {
  return [...new Set(instances.map(({ pool }) => pool.host))].map((address) => ({ address }));
}

function timed(ttftMs: number | undefined, tpotMs: number | undefined) {
  return {
    ...(ttftMs !== undefined && { ttftMs: rounded(ttftMs) }),
    ...(tpotMs !== undefined && { tpotMs: rounded(tpotMs) }),
  };
}

/** More digits nobody reads, and all viewers would have to be sent. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
