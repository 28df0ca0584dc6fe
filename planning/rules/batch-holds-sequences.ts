import type { Side } from "../engines/mooncake.ts";
import type { Rule } from "./rule.ts";

export const batchHoldsSequences: Rule = {
  code: "PD136",
  severity: "error",
  title: "`maxNumBatchedTokens` is at least `maxNumSeqs` (vllm-ascend)",
  why: "Each running sequence gets a token in every step; vLLM refuses to start where a batch has no room for that.",
  source: "vLLM, `SchedulerConfig`: max_num_batched_tokens must be greater than or equal to max_num_seqs",
  check: ({ engine: { mooncake }, file: { model } }) => {
    if (mooncake === undefined) return [];
    const found = (["prefill", "decode"] satisfies Side[]).flatMap((side) => {
      const own = mooncake.spread[side];
      const tokens = own.maxNumBatchedTokens ?? model.maxNumBatchedTokens;
      const sequences = own.maxNumSeqs ?? model.maxNumSeqs;
      if (tokens >= sequences) return [];
      const isOwn = own.maxNumBatchedTokens !== undefined || own.maxNumSeqs !== undefined;
      const path = `${isOwn ? `engine.${side}` : "model"}.maxNumBatchedTokens`;
      const message = `${tokens} is below maxNumSeqs, ${sequences}`;
      return [{ path, message, fix: `set it to ${sequences} or more, or maxNumSeqs to less` }];
    });
    // One of `model` is told once.
    return found.filter(({ path }, index) => found.findIndex((one) => one.path === path) === index);
  },
};
