import type { Rule } from "./rule.ts";

const kinds = { 8: "A2", 16: "A3" } as const;

export const imageForNpus: Rule = {
  code: "PD164",
  severity: "error",
  title: "the image is made for the NPUs of the hosts (vllm-ascend)",
  why: "Its kernels are compiled for one kind, and on another the engine fails at its first step. So one stack has A2 hosts or A3 hosts.",
  source: "vllm-ascend, installation: tags with `-a3` are for Atlas A3, those without for A2",
  waivable: true,
  check: ({ engine: { mooncake }, hosts, instances }) => {
    if (mooncake?.image.npus === undefined) return [];
    const { name, npus } = mooncake.image;
    const used = new Set(instances.filter(({ role }) => role !== "scheduler").map(({ host }) => host));
    const other = hosts.find((host) => used.has(host.name) && host.npus !== npus);
    if (other === undefined) return [];
    const message = `${name} is for ${kinds[npus]}, and ${other.name} with ${other.npus} NPUs is ${kinds[other.npus]}`;
    const fix = `use one for ${kinds[other.npus]}, whose tag ${other.npus === 16 ? "has" : "is without"} -a3`;
    return [{ path: "engine.image", message, fix }];
  },
};
