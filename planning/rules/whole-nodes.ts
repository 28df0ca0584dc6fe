import { takesNpus } from "../kubernetes.ts";
import type { Rule } from "./rule.ts";

export const wholeNodes: Rule = {
  code: "PD182",
  severity: "error",
  title: "an instance has all NPUs of its node (Kubernetes)",
  why: "The device plugin chooses which NPUs a pod gets: only of all of them it is known beforehand, as rank tables and ports for KV transfer need it.",
  source: "MindCluster, Infer Operator: inference jobs take whole nodes",
  check: (topology) => {
    if (topology.file.target === undefined || !takesNpus(topology)) return [];
    const all = new Map(topology.hosts.map(({ name, npus }) => [name, npus]));
    return topology.instances
      .filter(({ role }) => role !== "scheduler")
      .flatMap(({ place, host, npus }) => {
        const count = all.get(host);
        const own = new Set(npus.filter((npu) => npu < (count ?? 0)));
        if (count === undefined || own.size === count) return [];
        return [
          {
            path: `${place}.devices`,
            message: `it has ${own.size} of the ${count} NPUs of ${host}`,
            fix: `give it all: [${Array.from({ length: count }, (_, npu) => npu).join(", ")}]`,
          },
        ];
      });
  },
};
