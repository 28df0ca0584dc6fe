import type { Rule } from "./rule.ts";

export const keysWithOurScheduler: Rule = {
  code: "PD159",
  severity: "error",
  title: "`scheduler.apiKeys` goes with this repository's scheduler",
  why: "The manual's own asks clients for nothing, so everybody would be served while the stack file says otherwise.",
  source: "the manual, step four: its start command has no flag for keys",
  check: ({ file: { scheduler } }) => {
    if (scheduler.runtime === "ascend-pd" || scheduler.apiKeys.length === 0) return [];
    const message = "the manual's own scheduler (runtime ascendcloud) asks for no keys";
    const fix = "set scheduler.runtime to ascend-pd, or take the keys out";
    return [{ path: "scheduler.apiKeys", message, fix }];
  },
};
