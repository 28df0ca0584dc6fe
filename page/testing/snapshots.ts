import type { InstanceView, Snapshot } from "../snapshot.ts";

export function instance(
  role: InstanceView["role"],
  at: number,
  host: string,
  more: Partial<InstanceView> = {},
): InstanceView {
  return {
    name: `${role}-${at}`,
    role,
    host,
    address: `${host}:${8088 + at}`,
    npus: [at],
    states: ["ready"],
    inFlight: 0,
    kvHeld: 0,
    kvReleased: 0,
    kvExpired: 0,
    served: 0,
    failures: 0,
    ...more,
  };
}

/** As many prefill and decode instances, each on a host of its own. */
export function snapshot(count: number, more: Partial<Snapshot> = {}): Snapshot {
  const of = (role: InstanceView["role"], net: number) =>
    Array.from({ length: count }, (_, at) => instance(role, at, `10.0.${net}.${at}`));
  const instances = [...of("prefill", 1), ...of("decode", 2)];
  return {
    at: 1_800_000_000_000,
    startedAt: 1_799_999_000_000,
    version: "0.1.0",
    models: ["m"],
    policy: "RoundRobin",
    handoff: "NixlConnector",
    state: "ready",
    totals: {
      inFlight: 0,
      requestsPerSecond: 0,
      failedPerSecond: 0,
      eventsPerSecond: 0,
      handoffsPerSecond: 0,
      kvHeld: 0,
      kvReleased: 0,
      kvExpired: 0,
    },
    hosts: instances.map(({ host }) => ({ address: host })),
    instances,
    edges: [],
    events: [],
    ...more,
  };
}
