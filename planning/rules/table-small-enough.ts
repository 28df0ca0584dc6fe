import type { Rule } from "./rule.ts";
import { kib, tableSize } from "./table-size.ts";

export const tableSmallEnough: Rule = {
  code: "PD126",
  severity: "error",
  title: "the global rank table is below 1 MiB",
  why: "With a copy in every container the stack's state reaches gigabytes, and a ConfigMap cannot hold it.",
  source: "Kubernetes, ConfigMap: at most 1 MiB; Pulumi keeps uploads in its state",
  check: (topology) => {
    const size = tableSize(topology);
    if (size < 1024 * 1024) return [];
    const message = `the global rank table has ${kib(size)}, in each of ${topology.instances.length} containers`;
    return [{ path: "prefill", message, fix: "split the deployment into several stacks" }];
  },
};
