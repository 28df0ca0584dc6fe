import type { Role } from "./plan.ts";
import type { Deployment } from "./stack-file/schema.ts";

/** A stack file resolved into the one ordered list that everything else is derived from. */
export interface Topology {
  readonly stack: string;
  readonly file: Deployment;
  /** Sorted by name. */
  readonly hosts: readonly Host[];
  /** Every prefill, every decode, then the scheduler: the order of the rank table, of NODE_PORTS and of the start. */
  readonly instances: readonly Instance[];
  /** Ports of all prefill, then of all decode instances, in that order. */
  readonly nodePorts: string;
}

/** A host as declared, under its name; with the simulator every NPU has a device IP. */
export type Host = Deployment["hosts"][string] & { readonly name: string };

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
  /** Prefill only. */
  readonly batchingPolicy?: string | undefined;
  /** Scheduler only. */
  readonly routingPolicy?: string;
  /** What the stack file adds to the command and the environment that are derived. */
  readonly extraArgs: readonly string[];
  readonly extraEnv: Readonly<Record<string, string>>;
  /** Names of variables whose values the Plan does not know. */
  readonly secretEnv: readonly string[];
}

export function topologyOf(stack: string, file: Deployment): Topology {
  const instances = (role: "prefill" | "decode"): Instance[] =>
    file[role].map(({ devices, ...declared }, index) => ({
      ...declared,
      role,
      name: `${stack}-${role}-${index}`,
      path: `${role}[${index}]`,
      npus: devices,
      extraArgs: [...file.engine.extraArgs, ...declared.extraArgs],
      extraEnv: { ...file.engine.extraEnv, ...declared.extraEnv },
      secretEnv: file.engine.secretEnv,
    }));
  const { host, port, routingPolicy, extraArgs, extraEnv, secretEnv } = file.scheduler;
  const scheduler: Instance = {
    role: "scheduler",
    name: `${stack}-scheduler`,
    path: "scheduler",
    npus: [],
    host,
    port,
    routingPolicy,
    extraArgs,
    extraEnv,
    secretEnv,
  };
  const servers = [...instances("prefill"), ...instances("decode")];
  return {
    stack,
    file,
    hosts: hostsOf(file),
    instances: [...servers, scheduler],
    nodePorts: servers.map((server) => server.port).join(","),
  };
}

function hostsOf({ engine, hosts }: Deployment): Host[] {
  const names = Object.keys(hosts).sort();
  return names.map((name, index) => {
    const host = found(hosts[name]);
    if (engine.kind !== "simulated") return { ...host, name };
    return { ...host, name, deviceIps: { ...simulatedIps(index, host.npus), ...host.deviceIps } };
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
