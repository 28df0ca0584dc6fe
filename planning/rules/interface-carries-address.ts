import { isLoopback } from "../../rank-tables/addresses.ts";
import type { Rule } from "./rule.ts";

export const interfaceCarriesAddress: Rule = {
  code: "PD128",
  severity: "error",
  title: "a host's `interface` can carry its address: `lo` a loopback address, and no other one",
  why: "`HCCL_IF_IP` must be an address of `HCCL_SOCKET_IFNAME`: HCCL waits on one and is asked on the other until its time-out.",
  source: "CANN, `HCCL_IF_IP` and `HCCL_SOCKET_IFNAME`",
  check: ({ hosts }) =>
    hosts
      .filter(
        (host) => host.interface !== undefined && (host.interface === "lo") !== isLoopback(host.address),
      )
      .map(({ name, address, ...host }) => ({
        path: `hosts.${name}.interface`,
        message: `${host.interface} does not carry ${address}`,
        fix: `put in the one that \`ip -br addr\` on ${name} shows beside ${address}`,
      })),
};
