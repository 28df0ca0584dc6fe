import type { Rule } from "./rule.ts";

/**
 * Why: the engine refuses to start when a request of the greatest length does not fit into one batch.
 * Source: the manual, `--max-num-batched-tokens`: must be at least --max-model-len.
 */
export const batchHoldsARequest: Rule = {
  code: "PD130",
  severity: "error",
  title: "maxNumBatchedTokens is at least maxModelLen",
  check: ({ file: { model } }) => {
    const { maxNumBatchedTokens, maxModelLen } = model;
    if (maxNumBatchedTokens >= maxModelLen) return [];
    const message = `${maxNumBatchedTokens} is below maxModelLen, ${maxModelLen}`;
    return [{ path: "model.maxNumBatchedTokens", message, fix: `set it to ${maxModelLen} or more` }];
  },
};
