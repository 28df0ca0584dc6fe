import type { Rule } from "./rule.ts";

export const deviceIpKnown: Rule = {
  code: "PD122",
  severity: "error",
  title: "every NPU in use has a device IP",
  why: "The rank table names it, and KV caches travel over it; without one the first transfer fails.",
  source: "the manual, step one, format of the global rank table: device_ip is got from hccn_tool",
  check: ({ hosts, instances }) => {
    const byName = new Map(hosts.map((host) => [host.name, host]));
    return instances.flatMap(({ place, host: hostName, npus }) => {
      const host = byName.get(hostName);
      return npus
        .filter((npu) => host !== undefined && npu < host.npus && host.deviceIps[npu] === undefined)
        .map((npu) => ({
          path: `hosts.${hostName}.deviceIps`,
          message: `NPU ${npu}, which ${place} uses, is not among them`,
          fix: `add ${npu} with the ipaddr that \`hccn_tool -i ${npu} -ip -g\` prints on ${hostName}`,
        }));
    });
  },
};
