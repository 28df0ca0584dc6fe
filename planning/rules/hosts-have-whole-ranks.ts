import { count } from "../../problems/text.ts";
import type { Rule } from "./rule.ts";

export const hostsHaveWholeRanks: Rule = {
  code: "PD168",
  severity: "error",
  title: "each host of an instance over several has whole data-parallel ranks",
  why: "Data parallelism is what goes over hosts. A rank's NPUs exchange tensors in each layer, and vLLM counts the ranks of a host, not its NPUs.",
  source: "vLLM, data parallel deployment: `--data-parallel-size-local`, `--data-parallel-start-rank`",
  check: (topology) => {
    const { overHosts } = topology.engine;
    if ("none" in overHosts) return [];
    const members = topology.instances.filter(({ member }) => member !== undefined);
    // What is too much on one host is missing on another, so once an instance.
    return [...Map.groupBy(members, ({ path }) => path).values()].flatMap((all) => {
      const size = all[0] === undefined ? 0 : overHosts.rankNpus(topology, all[0]);
      // Whether it may have none is another rule's.
      const broken = all.find(({ npus }) => size > 0 && npus.length % size !== 0);
      if (broken === undefined) return [];
      const message = `${count(broken.npus.length, "NPU")} on ${broken.host}, and a rank has ${size}`;
      const fix = `give each of its hosts ${size} or a multiple, or the role other sizes`;
      return [{ path: `${broken.place}.devices`, message, fix }];
    });
  },
};
