import { freeNpus } from "./free-npus.ts";
import type { Rule } from "./rule.ts";

export const npuExists: Rule = {
  code: "PD103",
  severity: "error",
  title: "an NPU is one that its host has",
  why: "Docker refuses a container whose device node is not there.",
  source:
    "`npus` of the host: A2 hosts mostly have /dev/davinci0 to 7; A3 hosts, with two dies a card, 0 to 15",
  check: (topology) => {
    const free = freeNpus(topology);
    const npusOf = new Map(topology.hosts.map(({ name, npus }) => [name, npus]));
    return topology.instances.flatMap(({ place, host, npus }) => {
      const count = npusOf.get(host) ?? Number.POSITIVE_INFINITY;
      return [...npus.entries()]
        .filter(([, npu]) => npu >= count)
        .map(([rank, npu]) => ({
          path: `${place}.devices[${rank}]`,
          message: `${host} has no NPU${count === 0 ? "s" : ` ${npu}, only 0 to ${count - 1}`}`,
          fix: `${free(host)}${npu < 16 ? `; or, if it has more, set hosts.${host}.npus, e.g. to 16 for an A3 host` : ""}`,
        }));
    });
  },
};
