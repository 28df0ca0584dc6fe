import type { Scheduler } from "../../scheduler/scheduler.ts";
import { GAUGES } from "../testing/gauges.ts";

export async function stateOf({ adminPorts: [port] }: Scheduler) {
  const answer = await fetch(`http://127.0.0.1:${port}/state`);
  return (await answer.json()) as { instances: { healthy: boolean }[] };
}

/** What a metric says: by its labels' values, joined. */
function samples(text: string, name: string): Map<string, number> {
  const found = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.*)$`, "gm"));
  return new Map(
    [...found].map(([, labels = "", value]) => [
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => `${key}=${of}`).join(" "),
      Number(value),
    ]),
  );
}

/** What the metrics say once; `left` is the sum of all gauges that are to come back to 0. */
export async function factsOf({ metricsPort }: Scheduler) {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const sum = (name: string) => [...samples(text, name).values()].reduce((total, one) => total + one, 0);
  const failures: Record<string, number> = {};
  for (const [labels, value] of samples(text, "ascend_pd_instance_failures_total")) {
    const kind = /kind=(\S+)/.exec(labels)?.[1] ?? "";
    if (value > 0) failures[kind] = (failures[kind] ?? 0) + value;
  }
  const requests: Record<string, number> = {};
  for (const [labels, value] of samples(text, "ascend_pd_requests_total")) {
    const [, outcome, status] = /outcome=(\S+) status=(\S*)/.exec(labels) ?? [];
    requests[`${outcome} ${status}`] = value;
  }
  return {
    left: GAUGES.reduce((total, name) => total + sum(name), 0),
    failures,
    requests,
    kv: {
      released: sum("ascend_pd_instance_kv_released_total"),
      expired: sum("ascend_pd_instance_kv_expired_total"),
    },
  };
}
