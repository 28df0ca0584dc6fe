import type { Rule } from "./rule.ts";

export const apiIsServed: Rule = {
  code: "PD161",
  severity: "error",
  title: "the scheduler serves the API that is asked of it",
  why: "This repository's scheduler speaks OpenAI's API alone and refuses to start with USE_OPENAI=0.",
  source: "the manual, step four, `USE_OPENAI`; docs/scheduler.md",
  check: ({ file: { scheduler } }) => {
    if (scheduler.useOpenai || scheduler.runtime === "ascendcloud") return [];
    const message = `useOpenai is false, but runtime ${scheduler.runtime} serves only OpenAI's API`;
    return [
      { path: "scheduler.useOpenai", message, fix: "set it to true, or scheduler.runtime to ascendcloud" },
    ];
  },
};
