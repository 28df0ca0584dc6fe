import { flagsIn } from "../engines/flags.ts";
import type { Rule } from "./rule.ts";

const flags: Readonly<Record<string, string>> = {
  "tls-cert": "set scheduler.tls, and remove it here",
  "tls-key": "set scheduler.tls, and remove it here",
  "tls-client-ca": "remove it: give clients keys, scheduler.apiKeys",
};

export const tlsByItsKey: Rule = {
  code: "PD155",
  severity: "error",
  title: "TLS of the scheduler is said by `scheduler.tls`",
  why: "`pulumi up`, `ask` and all other commands ask as the stack file says: by arguments alone they would ask plainly, or without the certificate that is wanted of them, and `up` would not end.",
  source: "the scheduler's flags (docs/scheduler.md)",
  check: ({ file: { scheduler } }) =>
    flagsIn(scheduler.extraArgs).flatMap(({ index, name }) => {
      const fix = flags[name];
      if (fix === undefined || scheduler.runtime !== "ascend-pd") return [];
      const message = `--${name} is not known to those who ask the scheduler`;
      return [{ path: `scheduler.extraArgs[${index}]`, message, fix }];
    }),
};
