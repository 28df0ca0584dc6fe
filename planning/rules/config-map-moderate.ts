import type { Rule } from "./rule.ts";
import { kib, schedulerFilesSize, tableSize } from "./table-size.ts";

const limit = 200 * 1024;

export const configMapModerate: Rule = {
  code: "PD187",
  severity: "warning",
  title: "the scheduler's ConfigMap is below 200 KiB (Kubernetes)",
  why: "Each change of an instance sends all of it to the API server, which keeps every version for a while, and to the node.",
  source: "Kubernetes, `kubectl apply` without --server-side: an annotation of at most 256 KiB",
  check: (topology) => {
    const size = schedulerFilesSize(topology);
    if (topology.file.target === undefined || size < limit || size >= 1024 * 1024) return [];
    // PD125 has said it of the table that all containers have.
    if (tableSize(topology) >= limit) return [];
    const message = `rank table and ports have ${kib(size)}`;
    return [{ path: "prefill", message, fix: "split the deployment into several stacks" }];
  },
};
