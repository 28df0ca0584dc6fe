import { transportPorts } from "../engines/mooncake.ts";
import { includes } from "../engines/port-range.ts";
import { freePort, listeners } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const portNotTransports: Rule = {
  code: "PD117",
  severity: "error",
  title: "a port is none of those that AscendDirectTransport takes at random (vllm-ascend)",
  why: "Of 1,000 ports for each NPU of a host it takes some at every start. Now and then one is taken, and an instance does not come back.",
  source: "vllm-ascend, prefill-decode disaggregation with Mooncake, `kv_port` configuration",
  check: (topology) => {
    const { engine, hosts, instances } = topology;
    if (engine.mooncake === undefined) return [];
    const free = freePort(topology);
    return listeners(topology).flatMap(({ path, host: name, port }) => {
      const host = hosts.find((one) => one.name === name);
      const hasNpus = instances.some((one) => one.role !== "scheduler" && one.host === name);
      if (host === undefined || !hasNpus || !includes(transportPorts(host.npus), port)) return [];
      const { first, last } = transportPorts(host.npus);
      const message = `port ${port} on ${name} is one of ${first} to ${last}, which are taken at random`;
      return [{ path, message, fix: free(port) }];
    });
  },
};
