import type { Rule } from "./rule.ts";

export const keysWithOurScheduler: Rule = {
  code: "PD159",
  severity: "error",
  title: "`scheduler.apiKeys`, `tls` and `maxAnswerTokens` go with this repository's scheduler",
  why: "The manual's own asks clients for nothing and speaks plainly, so everybody would be served while the stack file says otherwise.",
  source: "the manual, step four: its start command has no flag for any of them",
  check: ({ file: { scheduler } }) => {
    if (scheduler.runtime === "ascend-pd") return [];
    const given = [
      ["apiKeys", scheduler.apiKeys.length > 0, "asks for no keys", "the keys"],
      ["tls", scheduler.tls !== undefined, "has no TLS", "it"],
      ["maxAnswerTokens", scheduler.maxAnswerTokens !== undefined, "has no such limit", "it"],
    ] as const;
    return given
      .filter(([, isThere]) => isThere)
      .map(([key, , what, it]) => ({
        path: `scheduler.${key}`,
        message: `the manual's own scheduler (runtime ascendcloud) ${what}`,
        fix: `set scheduler.runtime to ascend-pd, or take ${it} out`,
      }));
  },
};
