import { freePort, hcclPorts, isHcclPort } from "./free.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: HCCL listens on these ports of every host as instances connect; a server that holds one fails late.
 * Source: CANN, HCCL_IF_BASE_PORT, 60000 and 32 ports unless it is set.
 */
export const portNotReserved: Rule = {
  code: "PD111",
  severity: "error",
  title: "a port is none of those that HCCL uses",
  check: (topology) =>
    topology.instances
      .filter(({ port }) => isHcclPort(port))
      .map(({ path, port }) => ({
        path: `${path}.port`,
        message: `HCCL uses the ports ${hcclPorts.first} to ${hcclPorts.last}, of which ${port} is one`,
        fix: freePort(topology, port),
      })),
};
