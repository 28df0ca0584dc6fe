import type { Rule } from "./rule.ts";

export const engineHasApi: Rule = {
  code: "PD163",
  severity: "error",
  title: "`useOpenai: false` is for engines of the manual's line",
  why: "Public vLLM serves no `/generate`: every request would end with 404.",
  source: "the manual, step four: `USE_OPENAI`; vLLM, `vllm serve`",
  check: ({ engine, file: { scheduler } }) => {
    if (!engine.isPublic || scheduler.useOpenai) return [];
    const message = "the engine does not serve vLLM's own /generate";
    return [{ path: "scheduler.useOpenai", message, fix: "leave it out: the OpenAI API is the default" }];
  },
};
