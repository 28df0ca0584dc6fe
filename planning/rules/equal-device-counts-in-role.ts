import { count } from "../../problems/text.ts";
import { isHead, npuCount, placesOf } from "../layout.ts";
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
    const instances = topology.instances.filter((one) => isHead(one) && npuCount(one) > 0);
    return instances.flatMap((instance) => {
      const { path, role } = instance;
      const first = instances.find((one) => one.role === role);
      const [npus, wanted] = [npuCount(instance), npuCount(first ?? instance)];
      if (first === undefined || npus === wanted) return [];
      const hosts = placesOf(instance).map(({ host }) => host);
      const message = `${count(npus, "NPU")} on ${hosts.join(" and ")} while ${first.path} has ${wanted}`;
      const key = instance.member === undefined ? "devices" : "hosts";
      return [{ path: `${path}.${key}`, message, fix: `give every ${role} instance ${wanted}` }];
    });
  },
};
