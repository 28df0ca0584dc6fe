import type { Side } from "../engines/mooncake.ts";
import type { Rule } from "./rule.ts";

export const dataParallelHasExperts: Rule = {
  code: "PD134",
  severity: "error",
  title: "data parallelism is for mixture-of-experts models (vllm-ascend)",
  why: "Of a dense model each copy takes itself for the first, so that all want the same ports for KV transfer: `Address already in use`, and the instance never gets ready.",
  source: "vLLM, data parallel deployment: ranks of dense models are independent; reports of PD users",
  waivable: true,
  check: ({ engine: { mooncake } }) =>
    (["prefill", "decode"] satisfies Side[]).flatMap((side) => {
      const { dataParallel, expertParallel } = mooncake?.spread[side] ?? { dataParallel: 1 };
      if (dataParallel === 1 || expertParallel) return [];
      return [
        {
          path: `engine.${side}.dataParallel`,
          message: `${dataParallel} copies of a model that is not said to have experts`,
          fix: "for a dense model declare more instances instead; for one with experts set expertParallel to true",
        },
      ];
    }),
};
