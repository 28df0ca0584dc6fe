import { isIpv6 } from "../../rank-tables/addresses.ts";
import type { Rule } from "./rule.ts";

export const hostAddressesAsEngineTakes: Rule = {
  code: "PD153",
  severity: "error",
  title: "with AscendCloud's engine, hosts have IPv4 addresses",
  why: "It finds instances by the rank tables' `server_ip`, of which the manual knows IPv4 addresses alone: its tool cuts others at the first colon.",
  source: "the manual, step one, format of the rank tables; pd_ranktable_tools.py",
  waivable: true,
  check: ({ engine, hosts }) => {
    if (engine.isPublic || !engine.needsNpus) return [];
    return hosts
      .filter(({ address }) => isIpv6(address))
      .map(({ name, address }) => ({
        path: `hosts.${name}.address`,
        message: `${address} is an IPv6 address, which nobody has shown to work there`,
        fix: `put in the IPv4 address of ${name}`,
      }));
  },
};
