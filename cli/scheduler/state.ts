import type { InstanceState, SchedulerState } from "../../hosts/administration.ts";
import { table } from "../table.ts";

/** The state as a table for people, a line on the whole below it. */
export function stateTable({ ready, draining, requests, instances }: SchedulerState): string {
  const rows = instances.map((one) => [
    one.name,
    one.address,
    instanceWord(one),
    ...[one.inFlight, one.kvHeld, one.served, one.failures].map(String),
  ]);
  const whole = draining ? "stopping" : ready ? "ready" : "not ready";
  const header = ["INSTANCE", "ADDRESS", "STATE", "IN FLIGHT", "KV HELD", "SERVED", "FAILED"];
  return `${table([header, ...rows])}\n\n${whole}, ${requests} requests in flight`;
}

/** What the scheduler makes of an instance, in a word or two. */
export function instanceWord({
  role,
  healthy,
  stalled,
  broken = false,
  unproven = false,
  quarantined = [],
  draining,
  leaving,
  inFlight,
  kvHeld,
}: InstanceState): string {
  const ills = { unhealthy: !healthy, stalled, failing: broken, unproven };
  const illness = Object.entries(ills).find(([, is]) => is)?.[0];
  const health = illness === undefined ? "" : `, ${illness}`;
  if (leaving) return `leaving${health}`;
  const way = role === "decode" ? "from" : "to";
  const partly = quarantined.length === 0 ? "" : `, no KV ${way} ${quarantined.join(", ")}`;
  if (!draining) return `${illness ?? "ready"}${partly}`;
  return `${inFlight + kvHeld === 0 ? "drained" : "draining"}${health}`;
}
