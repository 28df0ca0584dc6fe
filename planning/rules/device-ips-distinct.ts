import { repeated } from "../../problems/repeated.ts";
import { declaredDeviceIps } from "./declared-device-ips.ts";
import type { Rule } from "./rule.ts";

export const deviceIpsDistinct: Rule = {
  code: "PD123",
  severity: "error",
  title: "a device IP belongs to one NPU",
  why: "HCCL refuses a rank table in which an address occurs twice; by hand it comes from a copied line.",
  source: "HCCL, rank table configuration",
  check: (topology) =>
    repeated(declaredDeviceIps(topology), ({ ip }) => ip).map(([{ host, npu, ip }, first]) => ({
      path: `hosts.${host}.deviceIps.${npu}`,
      message: `${ip} is already that of NPU ${first.npu} on ${first.host}`,
      fix: `put in the ipaddr that \`hccn_tool -i ${npu} -ip -g\` prints on ${host}`,
    })),
};
