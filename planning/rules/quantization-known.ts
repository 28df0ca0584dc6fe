import type { Rule } from "./rule.ts";

const known = ["ascend", "compressed-tensors", "fp8", "deepseek_v4_fp8"];

export const quantizationKnown: Rule = {
  code: "PD137",
  severity: "error",
  title: "`model.quantization` is one that the NPUs have (vllm-ascend)",
  why: "vLLM refuses to start with another one, such as awq or gptq.",
  source: "vllm-ascend, `NPUPlatform.supported_quantization`, 0.23 and 0.26",
  waivable: true,
  check: ({ engine: { mooncake }, file: { model } }) => {
    const { quantization } = model;
    if (mooncake === undefined || quantization === undefined || known.includes(quantization)) return [];
    const message = `"${quantization}" is none of ${known.join(", ")}`;
    const fix =
      "use weights made with ModelSlim and `ascend`, or leave it out: vLLM reads it from the weights";
    return [{ path: "model.quantization", message, fix }];
  },
};
