import { includes } from "../engines/port-range.ts";
import { claimedPorts, freePort, listeners, outgoingPorts } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const portNotOutgoing: Rule = {
  code: "PD114",
  severity: "warning",
  title: "a port is none of those that Linux gives to outgoing connections",
  why: "Any program's outgoing connection may hold such a port when the container starts, and the start fails.",
  source:
    "Linux, `net.ipv4.ip_local_port_range`: 32768 to 60999 unless it or `ip_local_reserved_ports` is set",
  check: (topology) => {
    const reserved = claimedPorts(topology);
    const free = freePort(topology);
    return listeners(topology)
      .filter(({ host, port }) => !reserved.get(host)?.some((range) => includes(range, port)))
      .filter(({ port }) => includes(outgoingPorts, port))
      .map(({ path, host, port }) => ({
        path,
        message: `an outgoing connection of ${host} may hold port ${port}, one of ${outgoingPorts.first} to ${outgoingPorts.last}`,
        fix: free(port),
      }));
  },
};
