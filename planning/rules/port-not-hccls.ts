import { includes } from "../engines/port-range.ts";
import { claimedPorts, freePort, listeners } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const portNotHccls: Rule = {
  code: "PD111",
  severity: "error",
  title: "a port is none of those on which the engine listens besides on its host",
  why: "HCCL listens on 32 ports of every host with NPUs in use, and vllm-ascend on one an NPU for KV transfer; whoever comes second fails, and late.",
  source:
    "CANN, `HCCL_IF_BASE_PORT`: from 60000 unless it is set (`extraEnv` may set it); vllm-ascend, prefill-decode disaggregation with Mooncake: `kv_port`",
  check: (topology) => {
    const reserved = claimedPorts(topology);
    const free = freePort(topology);
    return listeners(topology).flatMap(({ path, host, port }) => {
      const range = reserved.get(host)?.find((one) => includes(one, port));
      if (range === undefined) return [];
      const message = `port ${port} on ${host} is one of ${range.owner}'s, ${range.first} to ${range.last}`;
      return [{ path, message, fix: free(port) }];
    });
  },
};
