import type { Rule } from "./rule.ts";

export const batchHoldsARequest: Rule = {
  code: "PD130",
  severity: "error",
  title: "`maxNumBatchedTokens` is at least `maxModelLen` (not with vllm-ascend)",
  why: "The engine refuses to start when a request of the greatest length does not fit into one batch. vllm-ascend computes a long prompt in several.",
  source: "the manual, steps two to four, `--max-num-batched-tokens`: at least --max-model-len",
  check: ({ engine, file: { model } }) => {
    const { maxNumBatchedTokens, maxModelLen } = model;
    if (!engine.wantsWholePrompts || maxNumBatchedTokens >= maxModelLen) return [];
    const message = `${maxNumBatchedTokens} is below maxModelLen, ${maxModelLen}`;
    return [{ path: "model.maxNumBatchedTokens", message, fix: `set it to ${maxModelLen} or more` }];
  },
};
