import { count } from "../../problems/text.ts";
import type { Rule } from "./rule.ts";

export const equalDeviceCountsInRole: Rule = {
  code: "PD104",
  severity: "error",
  title: "instances of one role have equally many NPUs",
  why: "The device count is the tensor-parallel size, and instances of one role that differ in it cannot take the same KV caches.",
  source:
    "the manual's tool `pd_ranktable_tools.py` refuses unequal prefill instances and means to refuse unequal decode instances",
  waivable: true,
  check: (topology) => {
    // Whether one may have none is another rule's.
    const instances = topology.instances.filter(({ npus }) => npus.length > 0);
    return instances.flatMap(({ path, role, host, npus }) => {
      const first = instances.find((instance) => instance.role === role);
      if (first === undefined || npus.length === first.npus.length) return [];
      const message = `${count(npus.length, "NPU")} on ${host} while ${first.path} has ${first.npus.length}`;
      return [{ path: `${path}.devices`, message, fix: `give every ${role} instance ${first.npus.length}` }];
    });
  },
};
