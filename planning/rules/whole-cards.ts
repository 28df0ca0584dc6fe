import { diesPerCard } from "../generation.ts";
import type { Rule } from "./rule.ts";

export const wholeCards: Rule = {
  code: "PD106",
  severity: "warning",
  title: "both NPUs of an A3 card are one instance's",
  why: "Two dies share a card and its links; HCCL can use the second die's link as backup only within one job.",
  source: "HCCL, rank table configuration for A3: backup links; NPUs 2k and 2k+1 are one card",
  check: ({ hosts, instances }) => {
    const a3 = new Map(hosts.filter((host) => diesPerCard(host) === 2).map(({ name, npus }) => [name, npus]));
    return instances
      .filter(({ host }) => a3.has(host))
      .flatMap(({ place, host, npus }) => {
        const lone = npus.filter((npu) => npu < (a3.get(host) ?? 0) && !npus.includes(npu ^ 1));
        if (lone.length === 0) return [];
        const cards = lone.map((npu) => `NPU ${npu} without ${npu ^ 1}`);
        const message = `on ${host} it has ${cards.join(", ")}, the other die of the card`;
        return [{ path: `${place}.devices`, message, fix: "give it both NPUs of a card, or neither" }];
      });
  },
};
