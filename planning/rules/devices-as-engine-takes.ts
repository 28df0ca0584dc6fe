import type { Rule } from "./rule.ts";

export const devicesAsEngineTakes: Rule = {
  code: "PD107",
  severity: "error",
  title: "an instance has NPUs where its engine runs on NPUs, and none elsewhere",
  why: "Without one there is nothing to run on; and one that an engine leaves idle is held back from all others.",
  source: "the manual, step one: the NPUs of each instance; vLLM for CPUs opens no device node",
  check: ({ engine: { takesNpus }, instances }) =>
    instances
      .filter(({ role, npus }) => role !== "scheduler" && npus.length > 0 !== takesNpus)
      .map(({ place, host }) => ({
        path: `${place}.devices`,
        ...(takesNpus
          ? {
              message: `it has no NPU on ${host}`,
              fix: "list the physical ids of its NPUs in rank order, e.g. [4, 5]",
            }
          : { message: `its engine runs on the CPUs of ${host}, and on no NPU`, fix: "remove it" }),
      })),
};
