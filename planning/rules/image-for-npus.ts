import { generationOf } from "../generation.ts";
import type { Rule } from "./rule.ts";

export const imageForNpus: Rule = {
  code: "PD164",
  severity: "error",
  title: "the image is made for the NPUs of the hosts (vllm-ascend)",
  why: "Its kernels are compiled for one kind, and on another the engine fails at its first step. So one stack has hosts of one generation.",
  source:
    "vllm-ascend, installation: tags with `-a3` are for Atlas A3, with `-310p` for 310P, those without for A2",
  waivable: true,
  check: ({ engine: { mooncake }, hosts, instances }) => {
    if (mooncake?.image.generation === undefined) return [];
    const { name, generation } = mooncake.image;
    const used = new Set(instances.filter(({ role }) => role !== "scheduler").map(({ host }) => host));
    const other = hosts.find((host) => used.has(host.name) && generationOf(host) !== generation);
    if (other === undefined) return [];
    const wanted = generationOf(other);
    const message = `${name} is for ${generation.toUpperCase()}, and ${other.name} with ${other.npus} NPUs is ${wanted.toUpperCase()}`;
    const tag = wanted === "a2" ? `is without -${generation}` : `has -${wanted}`;
    return [{ path: "engine.image", message, fix: `use one for ${wanted.toUpperCase()}, whose tag ${tag}` }];
  },
};
