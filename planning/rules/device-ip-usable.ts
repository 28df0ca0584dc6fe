import { isLoopback } from "../addresses.ts";
import type { Rule } from "./rule.ts";

/** Why: no other NPU reaches a loopback address or 0.0.0.0; tools write them where an NPU has no address. */
export const deviceIpUsable: Rule = {
  code: "PD124",
  severity: "error",
  title: "a device IP is an address of a network",
  check: ({ hosts }) =>
    hosts.flatMap(({ name, deviceIps }) =>
      Object.entries(deviceIps)
        .filter(([, ip]) => isLoopback(ip) || ip.startsWith("0."))
        .map(([npu, ip]) => ({
          path: `hosts.${name}.deviceIps.${npu}`,
          message: `no other NPU reaches ${ip}`,
          fix: `put in the ipaddr that \`hccn_tool -i ${npu} -ip -g\` prints on ${name}`,
        })),
    ),
};
