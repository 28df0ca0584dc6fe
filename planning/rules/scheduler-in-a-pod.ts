import type { Rule } from "./rule.ts";

export const schedulerInAPod: Rule = {
  code: "PD184",
  severity: "error",
  title: "the scheduler is this repository's (Kubernetes)",
  why: "The manual's own runs on a host whose address is in the rank table; of a pod that any node may have, it is not known before.",
  source: "the manual, step four: `local_ranktable_<ip>_host.json`",
  check: ({ file }) => {
    if (file.target === undefined || file.scheduler.runtime === "ascend-pd") return [];
    const message = `runtime ${file.scheduler.runtime} needs a host of its own, and the cluster chooses one`;
    return [{ path: "scheduler.runtime", message, fix: "set it to ascend-pd, or leave it out" }];
  },
};
