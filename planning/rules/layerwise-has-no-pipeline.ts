import { isLayerwise } from "../engines/mooncake.ts";
import type { Rule } from "./rule.ts";

export const layerwiseHasNoPipeline: Rule = {
  code: "PD165",
  severity: "error",
  title: "with MooncakeLayerwiseConnector prefill's pipeline-parallel size is 1 (vllm-ascend)",
  why: "Decode takes a KV cache for whole when the first group of layers has been pushed, and answers nonsense.",
  source:
    "vllm-ascend, layerwise connector: `trans_count` and the ports of both sides count tensor-parallel ranks alone",
  check: ({ engine: { mooncake } }) => {
    const size = mooncake?.spread.prefill.pipelineParallel ?? 1;
    if (size === 1 || !isLayerwise(mooncake)) return [];
    const message = `the connector does not wait for ${size} groups of layers`;
    const fix = "leave it out and spread prefill by tensorParallel, or use MooncakeConnectorV1";
    return [{ path: "engine.prefill.pipelineParallel", message, fix }];
  },
};
