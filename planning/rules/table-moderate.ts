import type { Rule } from "./rule.ts";
import { kib, tableSize } from "./table-size.ts";

const limit = 200 * 1024;

export const tableModerate: Rule = {
  code: "PD125",
  severity: "warning",
  title: "the global rank table is below 200 KiB",
  why: "Every container and the stack's state carry a copy, and a change of any instance replaces them all.",
  source: "measured: 221 bytes an NPU; published fleets are many groups of tens of hosts",
  check: (topology) => {
    const size = tableSize(topology);
    if (size < limit || size >= 1024 * 1024) return [];
    const message = `the global rank table has ${kib(size)}, in each of ${topology.instances.length} containers`;
    return [{ path: "prefill", message, fix: "split the deployment into several stacks" }];
  },
};
