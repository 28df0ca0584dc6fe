import { hcclPorts } from "../engines/hccl.ts";
import { ownPorts } from "../engines/over-hosts.ts";
import type { Rule } from "./rule.ts";

export const kvPortsNotHccls: Rule = {
  code: "PD115",
  severity: "error",
  title: "the ports for KV transfer are none of those on which HCCL listens (vllm-ascend)",
  why: "Both listen on every host with NPUs in use: whoever comes second ends with `Address already in use`.",
  source: "CANN, `HCCL_IF_BASE_PORT`; vllm-ascend, prefill-decode disaggregation with Mooncake: `kv_port`",
  check: ({ engine: { mooncake }, instances }) => {
    if (mooncake === undefined) return [];
    const servers = instances.filter(({ role }) => role !== "scheduler");
    const meets = servers.flatMap((server) =>
      ownPorts(mooncake.kvPort, server).flatMap((own) => {
        const here = servers.filter(({ host }) => host === server.host);
        const hccl = here
          .flatMap(hcclPorts)
          .find(({ first, last }) => own.first <= last && first <= own.last);
        if (hccl === undefined) return [];
        const message = `${own.first} to ${own.last}, those of ${server.place} on ${server.host}, meet HCCL's, ${hccl.first} to ${hccl.last}`;
        return [{ path: "engine.kvPort", message, fix: "choose others, or have HCCL use others" }];
      }),
    );
    return meets.slice(0, 1);
  },
};
