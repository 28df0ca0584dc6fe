import { generationOf } from "./generation.ts";
import type { Host } from "./layout.ts";
import type { HostPlan, KubernetesPlan, NpuResourcePlan } from "./plan.ts";
import type { Topology } from "./topology.ts";

/** What a Plan says of the cluster of a stack file that has one. */
export function kubernetesPlan({ file, engine }: Topology): KubernetesPlan | undefined {
  const { target } = file;
  if (target === undefined) return undefined;
  const { namespace, context, form, registry, pullSecret, weightsClaim } = target;
  const folder = engine.mounts.find(({ isFolder }) => isFolder);
  const schedulerName = target.schedulerName ?? (takesNpus({ file, engine }) ? "volcano" : undefined);
  return {
    namespace,
    ...(context !== undefined && { context }),
    form,
    registry,
    ...(pullSecret !== undefined && { pullSecret }),
    ...(folder && {
      weights: { source: folder.source, ...(weightsClaim !== undefined && { claim: weightsClaim }) },
    }),
    ...(schedulerName !== undefined && { schedulerName }),
    kvLeaseSeconds: Number(engine.handoff["kv-lease"] ?? 0),
  };
}

/** What it is to the cluster: the scheduler's Service is no node. */
export function nodePlan({ file, engine }: Topology, host: Host): Pick<HostPlan, "node"> {
  if (file.target === undefined || !Object.hasOwn(file.hosts, host.name)) return {};
  const npus = takesNpus({ file, engine }) && npuResource(host, file.target.npuResource);
  return { node: { name: host.node ?? host.name, ...(npus && { npus }) } };
}

/** Whether pods ask for NPUs: of those that need none, where the stack file says by which name. */
export const takesNpus = ({ file, engine }: Pick<Topology, "file" | "engine">): boolean =>
  engine.takesNpus && (engine.needsNpus || file.target?.npuResource !== undefined);

/** By the names of MindCluster; another device plugin, of which the stack file has the name, has none of its labels. */
function npuResource(host: Host, named: string | undefined): NpuResourcePlan {
  const generation = generationOf(host);
  const resource = named ?? (generation === "310p" ? "huawei.com/Ascend310P" : "huawei.com/Ascend910");
  if (resource !== "huawei.com/Ascend910") return { resource };
  const policy = policies[`${generation} ${host.npus}`];
  return { resource, ring: "ascend-910b", ...(policy !== undefined && { policy }) };
}

/** Of nodes with so many NPUs, on cards of so many. */
const policies: Readonly<Record<string, string>> = { "a2 8": "chip8-node8", "a3 16": "chip2-node16" };
