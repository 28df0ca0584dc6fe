import { hcclBasePorts, isHcclBasePort } from "../engines/hccl.ts";
import { declaredExtras } from "./extras.ts";
import type { Rule } from "./rule.ts";

export const hcclBasePort: Rule = {
  code: "PD113",
  severity: "error",
  title: "`HCCL_IF_BASE_PORT` is a port from which HCCL can count",
  why: "HCCL refuses any other value as the first instances connect.",
  source: "CANN, `HCCL_IF_BASE_PORT`: a whole number from 1024 to 65520",
  check: (topology) =>
    declaredExtras(topology).flatMap(({ path, extraEnv }) => {
      const base = extraEnv.HCCL_IF_BASE_PORT;
      if (base === undefined || isHcclBasePort(base)) return [];
      const message = `"${base}" is not a whole number from ${hcclBasePorts.first} to ${hcclBasePorts.last}`;
      const fix = "set one whose 32 ports are free on the host, or remove it: 60000 is the default";
      return [{ path: `${path}.extraEnv.HCCL_IF_BASE_PORT`, message, fix }];
    }),
};
