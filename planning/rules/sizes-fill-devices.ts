import { count } from "../../problems/text.ts";
import { type Side, sizes } from "../engines/mooncake.ts";
import { npuCount } from "../layout.ts";
import type { Rule } from "./rule.ts";

export const sizesFillDevices: Rule = {
  code: "PD108",
  severity: "error",
  title: "the parallel sizes of a role multiply to the number of NPUs of its instances (vllm-ascend)",
  why: "vLLM starts one process for each of that number: with fewer NPUs the last ones fail, with more some stay idle.",
  source: "vLLM, parallelism: world size is tensor × pipeline × data parallel size",
  check: (topology) => {
    const { mooncake } = topology.engine;
    if (mooncake === undefined) return [];
    return (["prefill", "decode"] satisfies Side[]).flatMap((side) => {
      const { tensorParallel, pipelineParallel, dataParallel } = sizes(mooncake, topology, side);
      const wanted = tensorParallel * pipelineParallel * dataParallel;
      const other = topology.instances.find((one) => one.role === side && npuCount(one) !== wanted);
      if (other === undefined) return [];
      const product = `tensorParallel ${tensorParallel} × pipelineParallel ${pipelineParallel} × dataParallel ${dataParallel}`;
      const message = `${product} is ${wanted}, while ${other.path} has ${count(npuCount(other), "NPU")}`;
      return [{ path: `engine.${side}`, message, fix: "change the sizes, or the `devices`" }];
    });
  },
};
