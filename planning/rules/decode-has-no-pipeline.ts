import type { Rule } from "./rule.ts";

export const decodeHasNoPipeline: Rule = {
  code: "PD133",
  severity: "error",
  title: "decode's pipeline-parallel size is 1 (vllm-ascend)",
  why: "The connector fetches all layers to one NPU, and refuses to start otherwise.",
  source: "vllm-ascend, Mooncake connectors: decode pp size must be 1",
  check: ({ engine: { mooncake } }) => {
    const size = mooncake?.spread.decode.pipelineParallel ?? 1;
    if (size === 1) return [];
    const message = `the connector hands no KV cache to ${size} groups of layers`;
    const fix = "leave it out, and spread decode by tensorParallel and dataParallel";
    return [{ path: "engine.decode.pipelineParallel", message, fix }];
  },
};
