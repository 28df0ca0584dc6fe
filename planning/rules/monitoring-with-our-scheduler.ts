import type { Rule } from "./rule.ts";

export const monitoringWithOurScheduler: Rule = {
  code: "PD171",
  severity: "error",
  title: "`scheduler.page` and `monitoring` go with this repository's scheduler",
  why: "The manual's own has neither a page nor metrics, so there would be nothing to see, and every alert would be silent.",
  source: "the manual, step four: its start command has no port for either",
  check: ({ file: { scheduler, monitoring } }) => {
    if (scheduler.runtime === "ascend-pd") return [];
    const wanted = [
      ...(scheduler.page ? [{ path: "scheduler.page", what: "page" }] : []),
      ...(monitoring ? [{ path: "monitoring", what: "metrics" }] : []),
    ];
    return wanted.map(({ path, what }) => ({
      path,
      message: `the manual's own scheduler (runtime ascendcloud) has no ${what}`,
      fix: `set scheduler.runtime to ascend-pd, or take \`${path}\` out`,
    }));
  },
};
