import { generationOf } from "../generation.ts";
import { found, hostOf, isHead, placesOf } from "../layout.ts";
import type { Rule } from "./rule.ts";

export const hostsOfOneGeneration: Rule = {
  code: "PD169",
  severity: "error",
  title: "the hosts of an instance have NPUs of one generation",
  why: "They compute each step together, with kernels of one image, and all wait for the slowest.",
  source:
    "vllm-ascend, installation: images are for one generation; HCCL, one kind of device in a communicator",
  check: (topology) =>
    topology.instances
      .filter((one) => topology.engine.needsNpus && isHead(one) && one.member !== undefined)
      .flatMap((instance) => {
        const names = placesOf(instance).map(({ host }) => host);
        const known = names.filter((name) => topology.hosts.some((host) => host.name === name));
        const generations = known.map((host) => generationOf(hostOf(topology, { host })));
        const other = generations.findIndex((one) => one !== generations[0]);
        if (other === -1) return [];
        const has = (index: number) => `${known[index]} is ${found(generations[index]).toUpperCase()}`;
        const fix = "name hosts of one, or set `generation` where it is taken for another";
        return [{ path: `${instance.path}.hosts`, message: `${has(0)}, and ${has(other)}`, fix }];
      }),
};
