import { type PathKind, systemPaths } from "../planning/container/path-kinds.ts";
import { isNpuNode } from "../planning/engines/devices.ts";
import type { PortRange } from "../planning/engines/port-range.ts";
import { found, type Host } from "../planning/layout.ts";
import type { Planned } from "../planning/make-plan.ts";
import type { ContainerPlan, HostPlan, Plan } from "../planning/plan.ts";
import { claimedPorts, listeners } from "../planning/rules/ports.ts";
import type { Topology } from "../planning/topology.ts";

/** What a stack needs of one of its hosts. */
export interface WantedHost extends HostPlan {
  readonly stack: string;
  readonly containers: readonly ContainerPlan[];
  readonly npus: readonly WantedNpu[];
  /** Whether all NPUs of the stack are on this host, so that no KV cache leaves it. */
  readonly isAlone: boolean;
  /** Device nodes on the host, each once. */
  readonly nodes: readonly string[];
  readonly mounts: readonly WantedMount[];
  /** Images that are not built there. */
  readonly images: readonly string[];
  readonly ports: readonly WantedPorts[];
  /** Where the weights lie on the host, and the folders above them that are part of the mount, outermost first. */
  readonly model?: { readonly path: string; readonly folders: readonly string[]; readonly user: string };
}

/** An NPU that a container of the stack really gets; with the simulator there is none. */
export interface WantedNpu {
  /** N of /dev/davinciN. */
  readonly id: number;
  /** Undefined where the stack file has none, since nothing names it. */
  readonly deviceIp: string | undefined;
}

export interface WantedMount {
  readonly source: string;
  /** Undefined where both will do. */
  readonly kind: PathKind | undefined;
}

export const isNpuSmi = ({ source }: WantedMount): boolean => source.endsWith("/npu-smi");

export interface WantedPorts extends PortRange {
  /** Who listens: `decode[0]`, or `HCCL`. */
  readonly owner: string;
  /** Whether the engine listens there besides its own port, on which no command line says so. */
  readonly isEngines: boolean;
}

/** What each host on which the stack runs must have. */
export function wantedHosts({ plan, topology }: Planned): readonly WantedHost[] {
  const used = topology.hosts.filter(({ name }) => plan.containers.some(({ host }) => host === name));
  return used.map((host) => wantedHost(topology, plan, host));
}

function wantedHost(topology: Topology, plan: Plan, declared: Host): WantedHost {
  const { name } = declared;
  const { deviceIps } = found(topology.file.hosts[name]);
  const containers = plan.containers.filter(({ host }) => host === name);
  const nodes = unique(containers.flatMap(({ devices }) => devices.map(({ hostPath }) => hostPath)));
  const ids = npuNodesOf(containers.flatMap(({ devices }) => devices)).map((node) =>
    Number(node.replace("/dev/davinci", "")),
  );
  const images = containers.flatMap(({ image }) => (image.kind === "reference" ? [image.name] : []));
  const model = modelOf(topology, containers);
  return {
    ...found(plan.hosts.find((host) => host.name === name)),
    stack: plan.stack,
    containers,
    npus: ids.map((id) => ({ id, deviceIp: deviceIps[id] })),
    isAlone: !plan.containers.some(({ host, devices }) => host !== name && npuNodesOf(devices).length > 0),
    nodes,
    mounts: unique(containers.flatMap(({ mounts }) => mounts.map(({ source }) => source))).map((source) => ({
      source,
      kind: kindOf(topology, source),
    })),
    images: unique(images),
    ports: [
      ...listeners(topology)
        .filter(({ host }) => host === name)
        .map(({ port, owner }) => ({ first: port, last: port, owner, isEngines: false })),
      ...(claimedPorts(topology).get(name) ?? []).map((range) => ({ ...range, isEngines: true })),
    ],
    ...(model !== undefined && { model }),
  };
}

/** Of the user's own mounts only the work folder is known. */
function kindOf({ engine }: Topology, source: string): WantedMount["kind"] {
  if (engine.mounts.some((mount) => mount.isFolder && mount.source === source)) return "folder";
  return systemPaths.get(source);
}

/** The weights, seen from the host: `model.path` is a path in the container. */
function modelOf({ file }: Topology, containers: readonly ContainerPlan[]): WantedHost["model"] {
  const { path } = file.model;
  const reader = containers.find(({ npus, mounts }) => npus.length > 0 && mounts.length > 0);
  const isAbove = (target: string) => path === target || path.startsWith(`${target.replace(/\/+$/, "")}/`);
  const [mount] = (reader?.mounts ?? [])
    .filter(({ target }) => isAbove(target))
    .sort((a, b) => b.target.length - a.target.length);
  if (reader === undefined || mount === undefined) return undefined;
  const names = path.slice(mount.target.length).split("/").filter(Boolean);
  const source = mount.source.replace(/\/+$/, "");
  const folders = names.map((_, index) => [source, ...names.slice(0, index)].join("/"));
  return { path: [source, ...names].join("/"), folders, user: reader.user ?? "root" };
}

const npuNodesOf = (devices: ContainerPlan["devices"]): string[] =>
  unique(devices.map(({ hostPath }) => hostPath)).filter(isNpuNode);

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
