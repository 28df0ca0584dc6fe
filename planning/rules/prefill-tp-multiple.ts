import { sizes } from "../engines/mooncake.ts";
import type { Rule } from "./rule.ts";

export const prefillTpMultiple: Rule = {
  code: "PD109",
  severity: "error",
  title: "prefill's tensor-parallel size is decode's or a multiple of it (vllm-ascend)",
  why: "A decode NPU fetches its heads from whole prefill NPUs; the connector refuses to start where decode has more, and mixes heads up where the division leaves a rest.",
  source:
    "vllm-ascend, Mooncake connector: `prefill_tp_size` must be greater than or equal to `decode_tp_size`",
  check: (topology) => {
    const { mooncake } = topology.engine;
    if (mooncake === undefined) return [];
    const [prefill, decode] = [sizes(mooncake, topology, "prefill"), sizes(mooncake, topology, "decode")];
    if (prefill.tensorParallel % decode.tensorParallel === 0) return [];
    const message = `prefill's tensorParallel, ${prefill.tensorParallel}, is no multiple of decode's, ${decode.tensorParallel}`;
    const fix = `give decode one that divides ${prefill.tensorParallel}, and its other NPUs by dataParallel`;
    return [{ path: "engine.decode.tensorParallel", message, fix }];
  },
};
