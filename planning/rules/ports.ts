import type { ClaimedPorts } from "../engines/engine.ts";
import { flagsIn } from "../engines/flags.ts";
import { isLayerwise, transportPorts } from "../engines/mooncake.ts";
import { includes, type PortRange } from "../engines/port-range.ts";
import { defaultMetaserverPort } from "../engines/scheduler.ts";
import { isHead } from "../layout.ts";
import type { Topology } from "../topology.ts";

/** From these Linux takes one for each outgoing connection, unless ip_local_port_range says others. */
export const outgoingPorts: PortRange = { first: 32768, last: 60999 };

/** What a node of a cluster listens on, as far as it is the same everywhere. */
export const kubernetesPorts: readonly ClaimedPorts[] = [
  { owner: "etcd", first: 2379, last: 2380 },
  { owner: "the API server", first: 6443, last: 6443 },
  { owner: "kubelet, kube-proxy and the control plane", first: 10248, last: 10259 },
  { owner: "the NodePorts of Services", first: 30000, last: 32767 },
];

/** The ports that the engine claims on each host besides those of the stack file, by the host's name. */
export function claimedPorts({ engine, instances }: Topology): Map<string, ClaimedPorts[]> {
  const claimed = new Map<string, ClaimedPorts[]>();
  for (const instance of instances.filter(({ role }) => role !== "scheduler")) {
    const known = claimed.get(instance.host) ?? [];
    const others = engine
      .claimedPorts(instance)
      .filter(({ first }) => !known.some((one) => one.first === first));
    claimed.set(instance.host, [...known, ...others]);
  }
  return claimed;
}

/** A port of a host's network that the stack file gives to somebody. */
interface Listener {
  /** Who has it, in the stack file: `decode[0]`. */
  readonly owner: string;
  /** Where the stack file says so: `decode[0].port`. */
  readonly path: string;
  readonly host: string;
  readonly port: number;
}

/** The instances, what this repository's scheduler listens on besides, and the monitoring. */
export function listeners({ file, instances, engine }: Topology): Listener[] {
  const { monitoring } = file;
  const { runtime, page, extraArgs } = file.scheduler;
  const host = instances.at(-1)?.host ?? "";
  const besides = (owner: string, path: string, host: string, port: number | undefined) =>
    port === undefined ? [] : [{ owner, path, host, port }];
  const flags = runtime === "ascend-pd" ? flagsIn(extraArgs) : [];
  return [
    ...instances
      .filter(isHead)
      .map(({ path, host, port }) => ({ owner: path, path: `${path}.port`, host, port })),
    ...(isLayerwise(engine.mooncake) ? metaserver(flags).map((port) => ({ ...port, host })) : []),
    ...flags.flatMap(({ index, name, value }) => {
      if (!["admin-port", "metrics-port", "page-port"].includes(name)) return [];
      const path = `scheduler.extraArgs[${index}]`;
      return [{ owner: path, path, host, port: Number(value) }];
    }),
    ...besides("the scheduler's page", "scheduler.page.port", host, page?.port),
    ...(monitoring === undefined
      ? []
      : [
          ...besides("the scheduler's metrics", "monitoring.metricsPort", host, monitoring.metricsPort),
          ...besides("Prometheus", "monitoring.prometheus.port", monitoring.host, monitoring.prometheus.port),
          ...besides("Grafana", "monitoring.grafana.port", monitoring.host, monitoring.grafana?.port),
        ]),
  ];
}

/** Where the scheduler is told by decode instances: a port for each of its workers. */
function metaserver(flags: ReturnType<typeof flagsIn>): Omit<Listener, "host">[] {
  const given = (wanted: string) => flags.findLast(({ name }) => name === wanted);
  const [port, workers] = [given("metaserver-port"), given("workers")];
  const path = port === undefined ? "engine.connector" : `scheduler.extraArgs[${port.index}]`;
  const owner = "the scheduler's metaserver";
  const first = Number(port?.value ?? defaultMetaserverPort);
  return Array.from({ length: Math.min(Number(workers?.value ?? 1) || 1, 64) }, (_, worker) => ({
    owner,
    path,
    port: first + worker,
  }));
}

/** As the text of a fix: the next port after one that is free on every host and that nobody takes at random. */
export function freePort(topology: Topology): (after: number) => string {
  const used = new Set(listeners(topology).map(({ port }) => port));
  const random = topology.engine.mooncake ? topology.hosts.map(({ npus }) => transportPorts(npus)) : [];
  const ofNodes = topology.file.target === undefined ? [] : kubernetesPorts;
  const ranges = [outgoingPorts, ...random, ...ofNodes, ...[...claimedPorts(topology).values()].flat()];
  const isTaken = (port: number) => used.has(port) || ranges.some((range) => includes(range, port));
  return (after) => {
    let port = after;
    for (let tries = 0; isTaken(port) && tries < 65535; tries++) port = port === 65535 ? 1024 : port + 1;
    return `choose another, e.g. ${port}`;
  };
}
