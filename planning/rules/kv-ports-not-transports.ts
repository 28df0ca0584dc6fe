import { transportPorts } from "../engines/mooncake.ts";
import { kvPortsByHost } from "./kv-ports.ts";
import type { Rule } from "./rule.ts";

export const kvPortsNotTransports: Rule = {
  code: "PD116",
  severity: "error",
  title:
    "the ports for KV transfer are none of those that AscendDirectTransport takes at random (vllm-ascend)",
  why: "Of 1,000 ports for each NPU of a host it takes some at every start. Now and then one is taken, and an instance ends with `Address already in use`.",
  source: "vllm-ascend, prefill-decode disaggregation with Mooncake, `kv_port` configuration",
  check: (topology) => {
    const met = kvPortsByHost(topology).find(({ host, first, last }) => {
      const random = transportPorts(host.npus);
      return first <= random.last && random.first <= last;
    });
    if (met === undefined) return [];
    const random = transportPorts(met.host.npus);
    const message = `on ${met.host.name} they are ${met.first} to ${met.last}, and ${random.first} to ${random.last} are taken at random`;
    return [{ path: "engine.kvPort", message, fix: "leave it out: 61000 is the default" }];
  },
};
