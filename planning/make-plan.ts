import { createHash } from "node:crypto";
import type { Problem } from "../problems/problem.ts";
import { bracketed } from "../rank-tables/addresses.ts";
import type { ContainerOf, Tables } from "./engines/engine.ts";
import { adminSocket, scheduler } from "./engines/scheduler.ts";
import { kubernetesPlan, nodePlan } from "./kubernetes.ts";
import { found, type Host, hostOf, type Instance } from "./layout.ts";
import { monitoringContainers } from "./monitoring.ts";
import type { ContainerPlan, FilePlan, HostPlan, Plan } from "./plan.ts";
import { parseStackFile, stackFileSchema } from "./read-stack-file.ts";
import { applyRules } from "./rules/index.ts";
import { apiKeysFile, globalRankTable, localRankTable, nodePortsFile } from "./table-files.ts";
import { type Topology, topologyOf } from "./topology.ts";

/** A Plan, and what it was made from. */
export interface Planned {
  readonly plan: Plan;
  readonly topology: Topology;
  readonly warnings: readonly Problem[];
}

/**
 * The Plan of a stack, or every reason why there is none. `input` is the value of `ascend-pd:deployment`. Pure: the
 * same meaning gives the same bytes of a Plan, whatever the order of keys in `input`.
 */
export function plan(
  stack: string,
  input: unknown,
  schema = stackFileSchema,
): Planned | { problems: Problem[] } {
  const parsed = parseStackFile(input, schema);
  if ("problems" in parsed) return parsed;
  const topology = topologyOf(stack, parsed.file);
  const problems = applyRules(topology, parsed.file.allow);
  if (problems.some(({ severity }) => severity === "error")) return { problems };
  return { plan: planOf(topology), topology, warnings: problems };
}

function planOf(topology: Topology): Plan {
  const { stack, file, hosts, instances } = topology;
  const global = globalRankTable(topology);
  const local = instances.map((instance) => localRankTable(topology, instance));
  const entry = found(instances.at(-1));
  const isOurs = file.scheduler.runtime === "ascend-pd";
  const nodePorts = isOurs ? nodePortsFile(topology) : undefined;
  const apiKeys = isOurs ? apiKeysFile(topology) : undefined;
  const kubernetes = kubernetesPlan(topology);
  return {
    stack,
    ...(kubernetes && { kubernetes }),
    hosts: hosts.map((host) => ({ ...hostPlan(host), ...nodePlan(topology, host) })),
    containers: [
      ...withDefinitions(
        instances.map((instance, index) => {
          const own = instance === entry ? [nodePorts, apiKeys] : [];
          return container(topology, instance, tablesOf(topology, global, found(local[index]), ...own));
        }),
      ),
      ...monitoringContainers(topology),
    ],
    rankTables: { global, local, ...(nodePorts && { nodePorts }), ...(apiKeys && { apiKeys }) },
    endpoint: `${file.scheduler.tls === undefined ? "http" : "https"}://${bracketed(hostOf(topology, entry).address)}:${entry.port}`,
    ...(file.scheduler.tls?.ca !== undefined && { ca: file.scheduler.tls.ca }),
    servedModelName: file.model.servedName,
    api: file.scheduler.useOpenai ? "openai" : "vllm",
    ...(isOurs && { adminSocket }),
  };
}

/** Each member with what all members of its instance are made from. */
function withDefinitions(containers: readonly ContainerPlan[]): ContainerPlan[] {
  const members = Map.groupBy(containers, ({ name, member }) => member?.of ?? name);
  const hash = (value: object) => createHash("sha256").update(JSON.stringify(value)).digest("hex");
  return containers.map((one) => {
    const all = members.get(one.member?.of ?? "");
    if (one.member === undefined || all === undefined) return one;
    return { ...one, member: { ...one.member, definition: hash(all).slice(0, 16) } };
  });
}

function hostPlan({ name, address, docker, hostKey }: Host): HostPlan {
  return {
    name,
    address,
    ...(docker !== undefined && { docker }),
    ...(hostKey !== undefined && { hostKey }),
  };
}

function tablesOf(
  { nodePorts }: Topology,
  global: FilePlan,
  local: FilePlan,
  portsFile?: FilePlan,
  keysFile?: FilePlan,
): Tables {
  return {
    files: [global, local, ...(portsFile ? [portsFile] : []), ...(keysFile ? [keysFile] : [])],
    local,
    ...(keysFile && { keys: keysFile.path }),
    env: {
      GLOBAL_RANK_TABLE_FILE_PATH: global.path,
      RANK_TABLE_FILE_PATH: local.path,
      NODE_PORTS: portsFile === undefined ? nodePorts : `@${portsFile.path}`,
    },
  };
}

function container(topology: Topology, instance: Instance, tables: Tables): ContainerPlan {
  const { name, role, host, npus, port, member } = instance;
  const { files, ...software } = softwareOf(topology, instance)(topology, instance, tables);
  const secretEnv = [...new Set(instance.secretEnv)].sort();
  return {
    ...{ name, role, host, npus, port, ...software },
    ...(member && { member: { index: member.index, of: member.of, definition: "" } }),
    env: sorted(software.env),
    ...(secretEnv.length > 0 && { secretEnv }),
    files,
  };
}

function softwareOf({ engine, file }: Topology, { role }: Instance): ContainerOf {
  if (role !== "scheduler") return engine.container;
  if (file.scheduler.runtime === "ascend-pd") return scheduler(engine.handoff);
  return found("none" in engine.manualScheduler ? undefined : engine.manualScheduler);
}

function sorted(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
}
