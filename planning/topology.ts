import type { Role } from "./plan.ts";
import type { StackFile } from "./stack-file.ts";

/** A stack file resolved into the one ordered list that everything else is derived from. */
export interface Topology {
  readonly stack: string;
  readonly file: StackFile;
  /** Sorted by name. */
  readonly hosts: readonly Host[];
  /** Every prefill, every decode, then the scheduler: the order of the rank table, of NODE_PORTS and of the start. */
  readonly instances: readonly Instance[];
}

export interface Host {
  readonly name: string;
  readonly address: string;
  readonly docker?: string;
  readonly hostKey?: string;
  /** NPUs have the ids 0 to `npus` - 1. */
  readonly npus: number;
  /** Address of an NPU's own network port by NPU id. */
  readonly deviceIps: Readonly<Record<string, string>>;
}

export interface Instance {
  readonly role: Role;
  /** Container name. */
  readonly name: string;
  /** Where the stack file declares it: `prefill[0]`. */
  readonly path: string;
  /** Name of its host, which a rule checks. */
  readonly host: string;
  readonly port: number;
  /** Physical NPU ids; position is `rank_id`. Empty for the scheduler. */
  readonly npus: readonly number[];
  readonly batchingPolicy?: "fcfs" | "gtsf";
}

export function topologyOf(stack: string, file: StackFile): Topology {
  const { prefill, decode, scheduler } = file;
  const instances: Instance[] = [
    ...prefill.map(({ host, port, devices, batchingPolicy }, index) => ({
      role: "prefill" as const,
      name: `${stack}-prefill-${index}`,
      path: `prefill[${index}]`,
      host,
      port,
      npus: devices,
      ...(batchingPolicy !== undefined && { batchingPolicy }),
    })),
    ...decode.map(({ host, port, devices }, index) => ({
      role: "decode" as const,
      name: `${stack}-decode-${index}`,
      path: `decode[${index}]`,
      host,
      port,
      npus: devices,
    })),
    {
      role: "scheduler",
      name: `${stack}-scheduler`,
      path: "scheduler",
      host: scheduler.host,
      port: scheduler.port,
      npus: [],
    },
  ];
  return { stack, file, hosts: hostsOf(file), instances };
}

function hostsOf({ engine, hosts }: StackFile): Host[] {
  const names = Object.keys(hosts).sort();
  return names.map((name, index) => {
    const { address, docker, hostKey, npus, deviceIps } = found(hosts[name]);
    return {
      name,
      address,
      ...(docker !== undefined && { docker }),
      ...(hostKey !== undefined && { hostKey }),
      npus,
      deviceIps: engine.kind === "simulated" ? { ...simulatedIps(index, npus), ...deviceIps } : deviceIps,
    };
  });
}

/** Addresses of 198.18.0.0/15, which RFC 2544 keeps for tests, for NPUs that have no network port. */
function simulatedIps(hostIndex: number, npus: number): Record<string, string> {
  const network = `198.${18 + (hostIndex >> 8)}.${hostIndex & 255}`;
  return Object.fromEntries(Array.from({ length: npus }, (_, npu) => [npu, `${network}.${npu + 1}`]));
}

/** The host of an instance; only for a topology that the rules accepted. */
export function hostOf(topology: Topology, instance: Instance): Host {
  return found(topology.hosts.find(({ name }) => name === instance.host));
}

/** A value that a rule has shown to be there. */
export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a topology that breaks a rule was planned");
  return value;
}
