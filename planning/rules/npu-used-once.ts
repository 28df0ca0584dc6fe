import { repeated } from "../../problems/repeated.ts";
import { freeNpus } from "./free-npus.ts";
import type { Rule } from "./rule.ts";

export const npuUsedOnce: Rule = {
  code: "PD102",
  severity: "error",
  title: "an NPU belongs to one instance",
  why: "A second process on an NPU cannot open it, or breaks the first one's.",
  source: "the manual, steps two and three: do not bind several containers to one NPU",
  check: (topology) => {
    const free = freeNpus(topology);
    const uses = topology.instances.flatMap(({ place, host, npus }) =>
      npus.map((npu, rank) => ({ place, host, npu, rank })),
    );
    return repeated(uses, ({ host, npu }) => `${host} ${npu}`).map(([{ place, host, npu, rank }, first]) => ({
      path: `${place}.devices[${rank}]`,
      message: `NPU ${npu} on ${host} is already used by ${first.place}`,
      fix: free(host),
    }));
  },
};
