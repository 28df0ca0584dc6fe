import type { Rule } from "./rule.ts";

export const runtimeHasImage: Rule = {
  code: "PD160",
  severity: "error",
  title: "the manual's scheduler runs with the manual's engine",
  why: "It is a program of the AscendCloud image, which only that engine names.",
  source: "the manual, step four: one image and one start command for all",
  check: ({ file: { engine, scheduler } }) => {
    if (scheduler.runtime !== "ascendcloud" || engine.kind === "ascendcloud") return [];
    const message = `runtime ascendcloud with engine ${engine.kind}, which has no image for it`;
    return [
      { path: "scheduler.runtime", message, fix: "set it to ascend-pd, or engine.kind to ascendcloud" },
    ];
  },
};
