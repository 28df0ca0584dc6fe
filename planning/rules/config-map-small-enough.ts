import type { Rule } from "./rule.ts";
import { kib, schedulerFilesSize, tableSize } from "./table-size.ts";

const limit = 1024 * 1024;

export const configMapSmallEnough: Rule = {
  code: "PD188",
  severity: "error",
  title: "the scheduler's ConfigMap is below 1 MiB (Kubernetes)",
  why: "The API server refuses a larger one.",
  source: "Kubernetes, ConfigMap: at most 1 MiB",
  check: (topology) => {
    const size = schedulerFilesSize(topology);
    if (topology.file.target === undefined || size < limit || tableSize(topology) >= limit) return [];
    const message = `rank table and ports have ${kib(size)}`;
    return [{ path: "prefill", message, fix: "split the deployment into several stacks" }];
  },
};
