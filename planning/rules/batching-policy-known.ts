import type { Rule } from "./rule.ts";

export const batchingPolicyKnown: Rule = {
  code: "PD138",
  severity: "error",
  title: "`batchingPolicy` is for engines of the manual's line",
  why: "Public vLLM does not know `--prefill-batching-policy`, and ends with `unrecognized arguments`.",
  source: "the manual, step two: `--prefill-batching-policy`; vLLM, `vllm serve --help`",
  check: ({ engine, instances }) =>
    instances
      .filter(({ batchingPolicy }) => engine.isPublic && batchingPolicy !== undefined)
      .map(({ path, batchingPolicy }) => ({
        path: `${path}.batchingPolicy`,
        message: `${batchingPolicy} is a policy that this engine has not`,
        fix: "remove it",
      })),
};
