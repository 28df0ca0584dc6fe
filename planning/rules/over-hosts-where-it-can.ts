import { isHead, placesOf } from "../layout.ts";
import type { Rule } from "./rule.ts";

export const overHostsWhereItCan: Rule = {
  code: "PD166",
  severity: "error",
  title: "an instance is over several hosts only with an engine that can be (vllm-ascend, simulated)",
  why: "Its containers must find each other and share the work. In the manual's rank table an instance is one server, and tensor parallelism over hosts is unproven with it.",
  source: "the manual, step one, format of the global rank table; vLLM, data parallel deployment",
  check: ({ engine: { overHosts }, instances }) => {
    if (!("none" in overHosts)) return [];
    return instances
      .filter((one) => isHead(one) && one.member !== undefined)
      .map((instance) => ({
        path: `${instance.path}.hosts`,
        message: `over ${placesOf(instance)
          .map(({ host }) => host)
          .join(" and ")}, with ${overHosts.none}`,
        fix: `name one \`host\`, and declare one ${instance.role} instance for each other`,
      }));
  },
};
