import type { Problem } from "../problems/problem.ts";
import { engineContainer } from "./engines/engine.ts";
import { adminSocket } from "./engines/scheduler.ts";
import type { ContainerPlan, FilePlan, HostPlan, Plan } from "./plan.ts";
import { parseStackFile } from "./read-stack-file.ts";
import { applyRules } from "./rules/index.ts";
import { globalRankTable, localRankTable, nodePortsFile } from "./table-files.ts";
import { found, type Host, hostOf, type Instance, type Topology, topologyOf } from "./topology.ts";

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
export function plan(stack: string, input: unknown): Planned | { problems: Problem[] } {
  const parsed = parseStackFile(input);
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
  return {
    stack,
    hosts: hosts.map(hostPlan),
    containers: instances.map((instance, index) =>
      container(topology, instance, global, found(local[index]), instance === entry ? nodePorts : undefined),
    ),
    rankTables: { global, local, ...(nodePorts && { nodePorts }) },
    endpoint: `http://${hostOf(topology, entry).address}:${entry.port}`,
    servedModelName: file.model.servedName,
    api: file.scheduler.useOpenai ? "openai" : "vllm",
    ...(isOurs && { adminSocket }),
  };
}

function hostPlan({ name, address, docker, hostKey }: Host): HostPlan {
  return {
    name,
    address,
    ...(docker !== undefined && { docker }),
    ...(hostKey !== undefined && { hostKey }),
  };
}

function container(
  topology: Topology,
  instance: Instance,
  global: FilePlan,
  local: FilePlan,
  nodePorts: FilePlan | undefined,
): ContainerPlan {
  const { name, role, host, npus, port } = instance;
  const tables = {
    GLOBAL_RANK_TABLE_FILE_PATH: global.path,
    RANK_TABLE_FILE_PATH: local.path,
    NODE_PORTS: nodePorts === undefined ? topology.nodePorts : `@${nodePorts.path}`,
  };
  const engine = engineContainer(topology, instance, tables);
  const secretEnv = [...new Set(instance.secretEnv)].sort();
  return {
    ...{ name, role, host, npus, port, ...engine },
    env: sorted(engine.env),
    ...(secretEnv.length > 0 && { secretEnv }),
    files: [global, local, ...(nodePorts ? [nodePorts] : [])],
  };
}

function sorted(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
}
