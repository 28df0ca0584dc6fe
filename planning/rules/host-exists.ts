import { nearest } from "../../problems/nearest.ts";
import type { Rule } from "./rule.ts";

export const hostExists: Rule = {
  code: "PD101",
  severity: "error",
  title: "an instance, the scheduler and the monitoring are on a host of `hosts`",
  why: "An instance can only be placed on a host whose address and Docker Engine are known.",
  source: "the manual, step one: a rank table on every host",
  check: ({ hosts, instances, file: { monitoring } }) => {
    const names = hosts.map(({ name }) => name);
    return [...instances, ...(monitoring ? [{ place: "monitoring", host: monitoring.host }] : [])]
      .filter(({ host }) => !names.includes(host))
      .map(({ place, host }) => {
        const guess = nearest(host, names);
        const fix =
          guess === undefined
            ? `declare it in \`hosts\`, which has: ${names.join(", ") || "none"}`
            : `did you mean "${guess}"?`;
        return { path: `${place}.host`, message: `there is no host "${host}"`, fix };
      });
  },
};
