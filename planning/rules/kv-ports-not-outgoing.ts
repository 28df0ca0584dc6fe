import { kvPortsByHost } from "./kv-ports.ts";
import { outgoingPorts } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const kvPortsNotOutgoing: Rule = {
  code: "PD118",
  severity: "warning",
  title: "the ports for KV transfer are none of those that Linux gives to outgoing connections (vllm-ascend)",
  why: "Any program's outgoing connection may hold one when an instance starts, and the start fails.",
  source:
    "Linux, `net.ipv4.ip_local_port_range`: 32768 to 60999 unless it or `ip_local_reserved_ports` is set",
  check: (topology) => {
    const met = kvPortsByHost(topology).find(
      ({ first, last }) => first <= outgoingPorts.last && outgoingPorts.first <= last,
    );
    if (met === undefined) return [];
    const message = `on ${met.host.name} outgoing connections may hold some of ${met.first} to ${met.last}`;
    return [{ path: "engine.kvPort", message, fix: "leave it out: 61000 is the default" }];
  },
};
