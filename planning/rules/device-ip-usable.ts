import { isUnicast } from "../../rank-tables/addresses.ts";
import { declaredDeviceIps } from "./declared-device-ips.ts";
import type { Rule } from "./rule.ts";

export const deviceIpUsable: Rule = {
  code: "PD124",
  severity: "error",
  title: "a device IP is an address of a network",
  why: "No other NPU reaches loopback, 0.0.0.0, broadcast or multicast; tools write such where an NPU has no address.",
  source: "HCCL, rank table configuration; reports of tables with such addresses",
  check: (topology) =>
    declaredDeviceIps(topology)
      .filter(({ ip }) => !isUnicast(ip))
      .map(({ host, npu, ip }) => ({
        path: `hosts.${host}.deviceIps.${npu}`,
        message: `no other NPU reaches ${ip}`,
        fix: `put in the ipaddr that \`hccn_tool -i ${npu} -ip -g\` prints on ${host}`,
      })),
};
