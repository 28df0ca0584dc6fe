import type { Rule } from "./rule.ts";

export const routingPolicyKnown: Rule = {
  code: "PD158",
  severity: "error",
  title: "the manual's scheduler gets a policy of the manual",
  why: "`--prefill-routing-policy` has three values there, and affinity is none of them.",
  source: "the manual, step four: `--prefill-routing-policy`",
  check: ({ file: { scheduler } }) => {
    if (scheduler.runtime === "ascend-pd" || scheduler.routingPolicy !== "affinity") return [];
    return [
      {
        path: "scheduler.routingPolicy",
        message: "affinity is a policy that runtime ascendcloud has not",
        fix: "choose RoundRobin, FreeKVFirst or BLB, or set runtime to ascend-pd",
      },
    ];
  },
};
