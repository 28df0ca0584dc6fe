import { flagsIn } from "../engines/flags.ts";
import type { Instance, Topology } from "../topology.ts";

/** Ports of a host's network, both ends included. Containers share it, and HCCL listens there besides them. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const includes = ({ first, last }: PortRange, port: number): boolean => port >= first && port <= last;

export const portsIn = ({ first, last }: PortRange): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** From these Linux takes one for each outgoing connection, unless ip_local_port_range says others. */
export const outgoingPorts: PortRange = { first: 32768, last: 60999 };

/** The greatest HCCL_IF_BASE_PORT that CANN takes. */
export const hcclBasePorts: PortRange = { first: 1024, last: 65520 };

export const isHcclBasePort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && includes(hcclBasePorts, Number(text));

/**
 * The ports on which HCCL listens on each host, by its name. Instances of one host share a range. The port 16666 that
 * HCCL uses besides is on an NPU's own network, and other engines' ranges are not claimed for this one.
 */
export function hcclPorts({ file, instances }: Topology): Map<string, PortRange[]> {
  const ranges = new Map<string, PortRange[]>();
  if (file.engine.kind !== "ascendcloud") return ranges;
  for (const instance of instances.filter(({ role }) => role !== "scheduler")) {
    const range = hcclRange(instance);
    const known = ranges.get(instance.host) ?? [];
    if (range !== undefined && !known.some(({ first }) => first === range.first)) {
      ranges.set(instance.host, [...known, range]);
    }
  }
  return ranges;
}

function hcclRange({ extraEnv }: Instance): PortRange | undefined {
  const base = extraEnv.HCCL_IF_BASE_PORT ?? "60000";
  if (!isHcclBasePort(base)) return undefined;
  return { first: Number(base), last: Math.min(Number(base) + 31, 65535) };
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

/** The instances, and what flags make this repository's scheduler listen on besides. */
export function listeners({ file, instances }: Topology): Listener[] {
  const { runtime, host, extraArgs } = file.scheduler;
  const flags = runtime === "ascend-pd" ? flagsIn(extraArgs) : [];
  return [
    ...instances.map(({ path, host, port }) => ({ owner: path, path: `${path}.port`, host, port })),
    ...flags.flatMap(({ index, name, value }) => {
      if (name !== "admin-port" && name !== "metrics-port") return [];
      const path = `scheduler.extraArgs[${index}]`;
      return [{ owner: path, path, host, port: Number(value) }];
    }),
  ];
}

/** As the text of a fix: the next port after one that is free on every host and that no outgoing connection takes. */
export function freePort(topology: Topology): (after: number) => string {
  const used = new Set(listeners(topology).map(({ port }) => port));
  const ranges = [outgoingPorts, ...[...hcclPorts(topology).values()].flat()];
  const isTaken = (port: number) => used.has(port) || ranges.some((range) => includes(range, port));
  return (after) => {
    let port = after;
    for (let tries = 0; isTaken(port) && tries < 65535; tries++) port = port === 65535 ? 1024 : port + 1;
    return `choose another, e.g. ${port}`;
  };
}
