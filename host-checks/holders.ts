import { type Container, nameOf } from "../docker/answers.ts";
import { isNpuNode } from "../planning/engines/devices.ts";

/** Whether a container in this state has its devices; what is being restarted has them again at any moment. */
export const hasDevices = (state: string): boolean => ["running", "paused", "restarting"].includes(state);

export interface Holder {
  readonly name: string;
  readonly state: string;
  /** Those of the nodes that it has. */
  readonly nodes: readonly string[];
}

/**
 * Which containers hold which NPUs among `nodes`: as devices, or by what they ask of the Ascend runtime. Docker gives an
 * NPU to any number of containers, of which only one can use it.
 */
export function holdersOf(nodes: readonly string[], containers: readonly Container[]): Holder[] {
  const npus = new Set(nodes.filter(isNpuNode));
  return containers.flatMap((container) => {
    const { Status } = container.State;
    const held = hasDevices(Status) ? [...new Set(nodesOf(container))].filter((node) => npus.has(node)) : [];
    return held.length === 0 ? [] : [{ name: nameOf(container), state: Status, nodes: held }];
  });
}

function nodesOf({ HostConfig, Config }: Container): string[] {
  const devices = HostConfig.Devices.map(({ PathOnHost }) => PathOnHost);
  const asked = HostConfig.Runtime === "ascend" ? Config.Env.flatMap(visibleDevices) : [];
  return [...devices, ...asked];
}

/** `ASCEND_VISIBLE_DEVICES=0-2,4` as nodes; ids end at 15 on every host there is. */
function visibleDevices(variable: string): string[] {
  const [name, list = ""] = variable.split("=");
  if (name !== "ASCEND_VISIBLE_DEVICES") return [];
  return list.split(",").flatMap((item) => {
    const [, first, last = first] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(item.trim()) ?? [];
    const ids = Array.from({ length: 64 }, (_, id) => id);
    return ids.filter((id) => id >= Number(first) && id <= Number(last)).map((id) => `/dev/davinci${id}`);
  });
}
