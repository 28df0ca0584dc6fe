import type { Rule } from "./rule.ts";

export const runtimeHasImage: Rule = {
  code: "PD160",
  severity: "error",
  title: "the manual's scheduler runs with the manual's engine",
  why: "It is a program of the AscendCloud image, which only that engine names.",
  source: "the manual, step four: one image and one start command for all",
  check: ({ engine: { manualScheduler }, file: { scheduler } }) => {
    if (scheduler.runtime === "ascend-pd" || !("none" in manualScheduler)) return [];
    const message = `runtime ascendcloud with ${manualScheduler.none}`;
    return [
      { path: "scheduler.runtime", message, fix: "set it to ascend-pd, or engine.kind to ascendcloud" },
    ];
  },
};
