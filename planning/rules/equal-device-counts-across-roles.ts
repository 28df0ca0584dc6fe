import type { Rule } from "./rule.ts";

/**
 * Why: relatives of the manual's engine need equal tensor-parallel sizes on both sides of a KV transfer, and so does
 * the public version of its rank-table tool. The manual does not say so: a warning.
 */
export const equalDeviceCountsAcrossRoles: Rule = {
  code: "PD105",
  severity: "warning",
  title: "prefill and decode instances have equally many NPUs (ascendcloud)",
  check: ({ file, instances }) => {
    const prefill = instances.find(({ role }) => role === "prefill")?.npus.length;
    const decode = instances.find(({ role }) => role === "decode")?.npus.length;
    if (file.engine.kind !== "ascendcloud" || prefill === decode) return [];
    const message = `decode instances have ${decode}, prefill instances ${prefill}`;
    return [
      {
        path: "decode[0].devices",
        message,
        fix: "give both equally many, unless this engine is known to cope",
      },
    ];
  },
};
