import type { Rule } from "./rule.ts";

export const interfaceKnown: Rule = {
  code: "PD127",
  severity: "error",
  title: "a host with instances has an `interface` (vllm-ascend)",
  why: "HCCL, Gloo and PyTorch are told which one to use. Each guesses otherwise, and may take Docker's own bridge or one that leads nowhere.",
  source:
    "vllm-ascend, prefill-decode disaggregation with Mooncake: `HCCL_SOCKET_IFNAME`, `GLOO_SOCKET_IFNAME`, `TP_SOCKET_IFNAME`",
  check: ({ engine, hosts, instances }) => {
    if (engine.mooncake === undefined) return [];
    const used = new Set(instances.filter(({ role }) => role !== "scheduler").map(({ host }) => host));
    return hosts
      .filter((host) => used.has(host.name) && host.interface === undefined)
      .map(({ name, address }) => ({
        path: `hosts.${name}.interface`,
        message: `${name} has instances, and none is named`,
        fix: `add the one that \`ip -br addr\` on ${name} shows beside ${address}`,
      }));
  },
};
