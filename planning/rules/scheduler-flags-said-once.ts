import { flagsIn } from "../engines/flags.ts";
import type { Rule } from "./rule.ts";

export const schedulerFlagsSaidOnce: Rule = {
  code: "PD172",
  severity: "error",
  title: "`scheduler.extraArgs` does not say again what `scheduler.page` and `monitoring` say",
  why: "Of a flag given twice the last counts: the page would be elsewhere than the stack file says, and Prometheus would ask where nobody answers.",
  source: "docs/scheduler.md, flags",
  check: ({ file: { scheduler, monitoring } }) => {
    const derived = new Map<string, string>([
      ...(scheduler.page
        ? ([
            ["page-port", "scheduler.page.port"],
            ["page-host", "scheduler.page.address"],
          ] as const)
        : []),
      ...(monitoring
        ? ([
            ["metrics-port", "monitoring.metricsPort"],
            ["metrics-host", "monitoring.host"],
          ] as const)
        : []),
    ]);
    return flagsIn(scheduler.extraArgs).flatMap(({ index, name }) => {
      const place = derived.get(name);
      if (place === undefined) return [];
      const message = `--${name} is derived from ${place}`;
      return [{ path: `scheduler.extraArgs[${index}]`, message, fix: `remove it here and set ${place}` }];
    });
  },
};
