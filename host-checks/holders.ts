import { posix } from "node:path";
import { type Container, nameOf } from "../docker/answers.ts";
import { isNpuNode } from "../planning/engines/devices.ts";
import { readNpuList } from "./npu-list.ts";

/** Whether a container in this state has its devices; what is being restarted has them again at any moment. */
export const hasDevices = (state: string): boolean => ["running", "paused", "restarting"].includes(state);

/** What of a container says which NPUs it gets. */
export interface Asking {
  /** Paths on the host. */
  readonly devices: readonly string[];
  readonly cgroupRules: readonly string[];
  readonly requests: readonly DeviceRequest[];
  readonly binds: readonly { readonly source: string; readonly readOnly: boolean }[];
  readonly privileged: boolean;
  /** Empty: the engine's default. */
  readonly runtime: string;
  /** `NAME=value` */
  readonly env: readonly string[];
  /** Labels and annotations. */
  readonly notes: Readonly<Record<string, string>>;
}

export interface DeviceRequest {
  readonly driver: string;
  /** -1: all. */
  readonly count: number;
  readonly ids: readonly string[];
}

/** Those of some nodes that a container has. */
export interface Held {
  readonly nodes: readonly string[];
  /** What says so, where it is no device of its own. */
  readonly by?: string;
  /** Those that it may have besides; `why` that cannot be told, after its name. */
  readonly mayHold: readonly string[];
  readonly why: string;
}

export interface Holder extends Held {
  readonly name: string;
  readonly state: string;
}

/**
 * Which containers hold, or may hold, which NPUs among `nodes`. Docker gives an NPU to any number of containers, of
 * which only one can use it. What cannot be read does not count as free.
 */
export function holdersOf(nodes: readonly string[], containers: readonly Container[]): Holder[] {
  return containers.flatMap((container) => {
    const { Status } = container.State;
    if (!hasDevices(Status)) return [];
    const held = heldBy(askingOf(container), nodes);
    const isHolder = held.nodes.length + held.mayHold.length > 0;
    return isHolder ? [{ name: nameOf(container), state: Status, ...held }] : [];
  });
}

export function heldBy(asking: Asking, nodes: readonly string[]): Held {
  const npus = [...new Set(nodes.filter(isNpuNode))];
  const claims = claimsOf(asking);
  const isIn = (claim: Claim, node: string) => claim.nodes === "all" || claim.nodes.includes(node);
  const sure = claims.filter(({ isSure }) => isSure);
  const held = npus.filter((node) => sure.some((claim) => isIn(claim, node)));
  const rest = npus.filter((node) => !held.includes(node));
  const unsure = claims.filter((claim) => !claim.isSure && rest.some((node) => isIn(claim, node)));
  const by = sure.find((claim) => held.some((node) => isIn(claim, node)))?.why;
  return {
    nodes: held,
    ...(by !== undefined && { by }),
    mayHold: rest.filter((node) => unsure.some((claim) => isIn(claim, node))),
    why: [...new Set(unsure.map(({ why }) => why))].join(", and "),
  };
}

interface Claim {
  readonly nodes: readonly string[] | "all";
  readonly isSure: boolean;
  /** Absent of a device of its own. */
  readonly why?: string | undefined;
}

const sure = (nodes: Claim["nodes"], why?: string): Claim => ({ nodes, isSure: true, why });
const unsure = (nodes: Claim["nodes"], why: string): Claim => ({ nodes, isSure: false, why });

/** What a list names, and what it may name besides. */
function listed(list: string, what: string, isSure: boolean): Claim[] {
  const { npus, odd } = readNpuList(list);
  const nodes = npus === "all" ? npus : npus.map((npu) => `/dev/davinci${npu}`);
  const named = isSure ? sure(nodes, what) : unsure(nodes, `names NPUs in ${what}`);
  if (odd.length === 0) return [named];
  return [named, unsure("all", `has ${quoted(odd.join(","))} in ${what}, which names no NPU that is known`)];
}

function claimsOf(asking: Asking): Claim[] {
  const { devices, cgroupRules, requests, binds, privileged, notes } = asking;
  const claims = [
    ...devices.flatMap(deviceClaims),
    ...cgroupRules.flatMap(ruleClaims),
    ...requests.flatMap(requestClaims),
    ...binds.flatMap(bindClaims),
    ...Object.entries(notes).flatMap(([name, value]) => noteClaims(name, value)),
    ...(privileged ? [unsure("all", "is privileged")] : []),
  ];
  return [...claims, ...variableClaims(asking, claims)];
}

function deviceClaims(path: string): Claim[] {
  const node = posix.resolve(path);
  if (isNpuNode(node)) return [sure([node])];
  // Docker adds every node below a folder.
  if (isAbove(node)) return [sure("all", `the device ${node}`)];
  return /^\/dev\/vdavinci/.test(node) ? [unsure("all", `has ${node}, a slice of an NPU`)] : [];
}

const isAbove = (path: string): boolean => ["/dev", "/"].includes(path);

/** The driver's major number is one of those that Linux gives out as drivers come. */
function ruleClaims(rule: string): Claim[] {
  const [, major] = /^\s*[ac]\s+(\*|\d+):/.exec(rule) ?? (/^\s*a\s*$/.test(rule) ? ["", "*"] : []);
  const number = Number(major);
  const isGivenOut = (number >= 234 && number <= 254) || (number >= 384 && number <= 511);
  return major === "*" || isGivenOut ? [unsure("all", `may open devices by the rule ${quoted(rule)}`)] : [];
}

const ofAscend = /ascend|huawei|davinci|npu/i;

/** `--device huawei.com/npu=4`, by the Container Device Interface, or `--gpus` of another vendor, which is nothing here. */
function requestClaims({ driver, count, ids }: DeviceRequest): Claim[] {
  const what = `a request to ${driver || "a device driver"}`;
  const ours = ids.filter((id) => ofAscend.test(id.includes("=") ? id.replace(/=.*$/s, "") : driver));
  const named = ours.flatMap((id) => listed(id.replace(/^.*=/s, ""), what, true));
  return ofAscend.test(driver) && count !== 0 && ids.length === 0
    ? [count < 0 ? sure("all", what) : unsure("all", `has ${count} by ${what}`)]
    : named;
}

function bindClaims({ source, readOnly }: Asking["binds"][number]): Claim[] {
  const path = posix.resolve(source);
  if (isNpuNode(path)) return [sure([path], `a mount of ${path}`)];
  // Monitors mount the host's root to read it.
  return isAbove(path) && !(path === "/" && readOnly) ? [unsure("all", `mounts ${path}`)] : [];
}

/** What device plugins note of a pod, and the Container Device Interface of a container. */
function noteClaims(name: string, value: string): Claim[] {
  if (/^(annotation\.)?huawei\.com\/(ascend|npu)[\w-]*$/i.test(name)) return listed(value, name, true);
  if (!/^(annotation\.)?cdi\.k8s\.io\//.test(name)) return [];
  return requestClaims({ driver: "cdi", count: 0, ids: value.split(",") });
}

/** They give a container nothing by a variable. */
const otherRuntimes = /^(io\.containerd\.)?(runc|crun|youki|runsc|kata|nvidia)\b/;

/**
 * By the first variable Ascend's runtime gives NPUs. The second chooses among those that a container has, as that
 * counts them: they are the host's numbers only where it has no others. A container that sees all of the host names
 * in either what it uses.
 */
function variableClaims({ env, runtime, privileged, binds }: Asking, others: readonly Claim[]): Claim[] {
  const seesAll = privileged || binds.some(({ source }) => isAbove(posix.resolve(source)));
  if (!seesAll && otherRuntimes.test(runtime)) return [];
  const claims = (name: string) => {
    const value = env.findLast((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
    // What an engine's default runtime is, nothing here tells.
    return value === undefined ? [] : listed(value, name, seesAll || runtime !== "");
  };
  const given = claims("ASCEND_VISIBLE_DEVICES");
  const hasOwn = given.length > 0 || others.some(({ isSure }) => isSure);
  return hasOwn && !seesAll ? given : [...given, ...claims("ASCEND_RT_VISIBLE_DEVICES")];
}

const quoted = (text: string): string => `"${text.length > 60 ? `${text.slice(0, 59)}…` : text}"`;

function askingOf({ HostConfig, Config, Mounts }: Container): Asking {
  return {
    devices: HostConfig.Devices.map(({ PathOnHost }) => PathOnHost),
    cgroupRules: HostConfig.DeviceCgroupRules,
    requests: HostConfig.DeviceRequests.map(({ Driver, Count, DeviceIDs }) => ({
      driver: Driver,
      count: Count,
      ids: DeviceIDs,
    })),
    binds: Mounts.filter(({ Type }) => Type === "bind").map(({ Source, RW }) => ({
      source: Source,
      readOnly: !RW,
    })),
    privileged: HostConfig.Privileged,
    runtime: HostConfig.Runtime,
    env: Config.Env,
    notes: { ...Config.Labels, ...HostConfig.Annotations },
  };
}
