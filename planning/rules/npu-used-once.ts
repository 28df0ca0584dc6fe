import { freeNpus } from "./free.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: a second process on an NPU fails to open it, or breaks the first one's.
 * Source: the manual, steps two and three, "do not bind several containers to one NPU".
 */
export const npuUsedOnce: Rule = {
  code: "PD102",
  severity: "error",
  title: "an NPU belongs to one instance",
  check: (topology) => {
    const users = new Map<string, string>();
    return topology.instances.flatMap(({ path, host, npus }) =>
      npus.flatMap((npu, rank) => {
        const key = `${host} ${npu}`;
        const user = users.get(key);
        users.set(key, user ?? path);
        if (user === undefined) return [];
        return [
          {
            path: `${path}.devices[${rank}]`,
            message: `NPU ${npu} on ${host} is already used by ${user}`,
            fix: freeNpus(topology, host),
          },
        ];
      }),
    );
  },
};
