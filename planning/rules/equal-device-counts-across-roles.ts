import { count } from "../../problems/text.ts";
import type { Rule } from "./rule.ts";

export const equalDeviceCountsAcrossRoles: Rule = {
  code: "PD105",
  severity: "warning",
  title: "prefill and decode instances have equally many NPUs (ascendcloud)",
  why: "Relatives of the manual's engine need equal tensor-parallel sizes on both sides of a KV transfer; the manual does not say so, hence a warning.",
  source: "the public version of `pd_ranktable_tools.py`; MindIE's documents",
  check: ({ engine, instances }) => {
    const prefill = instances.find(({ role }) => role === "prefill");
    const decode = instances.find(({ role }) => role === "decode");
    if (!engine.wantsEqualDeviceCounts || prefill === undefined || decode === undefined) return [];
    if (prefill.npus.length === decode.npus.length) return [];
    const message = `${count(decode.npus.length, "NPU")} on ${decode.host} while ${prefill.path} has ${prefill.npus.length}`;
    const fix = "give both roles equally many, unless this engine is known to cope";
    return [{ path: `${decode.path}.devices`, message, fix }];
  },
};
