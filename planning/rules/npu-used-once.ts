import { repeated } from "../repeated.ts";
import { freeNpus } from "./free.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: a second process on an NPU cannot open it, or breaks the first one's.
 * Source: the manual, steps two and three: do not bind several containers to one NPU.
 */
export const npuUsedOnce: Rule = {
  code: "PD102",
  severity: "error",
  title: "an NPU belongs to one instance",
  check: (topology) => {
    const uses = topology.instances.flatMap(({ path, host, npus }) =>
      npus.map((npu, rank) => ({ path, host, npu, rank })),
    );
    return repeated(uses, ({ host, npu }) => `${host} ${npu}`).map(([{ path, host, npu, rank }, first]) => ({
      path: `${path}.devices[${rank}]`,
      message: `NPU ${npu} on ${host} is already used by ${first.path}`,
      fix: freeNpus(topology, host),
    }));
  },
};
