import { type Generation, generationOf } from "../generation.ts";
import type { Rule } from "./rule.ts";

/** Of MindCluster's device plugin; another one's are not known. */
const generations: Readonly<Record<string, readonly Generation[]>> = {
  "huawei.com/Ascend910": ["a2", "a3"],
  "huawei.com/Ascend310P": ["310p"],
};

export const resourceOfGeneration: Rule = {
  code: "PD186",
  severity: "error",
  title: "`target.npuResource` is that of the nodes' NPUs (Kubernetes)",
  why: "No node offers the other, and every pod waits for ever.",
  source: "MindCluster, device plugin: `huawei.com/Ascend910` for A2 and A3, `huawei.com/Ascend310P`",
  check: ({ file, hosts, instances }) => {
    const resource = file.target?.npuResource ?? "";
    const known = generations[resource];
    const used = new Set(instances.filter(({ npus }) => npus.length > 0).map(({ host }) => host));
    const other = hosts.find((host) => used.has(host.name) && known?.includes(generationOf(host)) === false);
    if (other === undefined) return [];
    const message = `${resource} is not that of ${other.name}, whose NPUs are ${generationOf(other).toUpperCase()}`;
    return [{ path: "target.npuResource", message, fix: "leave it out, or set `generation` of the host" }];
  },
};
