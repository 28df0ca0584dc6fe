import { isIpv6 } from "../../rank-tables/addresses.ts";
import type { Rule } from "./rule.ts";

export const hostAddressesOfOneFamily: Rule = {
  code: "PD152",
  severity: "error",
  title: "the hosts of all instances have IPv4 addresses, or all have IPv6 ones",
  why: "KV caches go from host to host: an instance that listens at an IPv6 address is not found by one that connects from an IPv4 address, and HCCL takes one family for all.",
  source: "CANN, `HCCL_IF_IP` and `HCCL_SOCKET_FAMILY`",
  waivable: true,
  check: ({ hosts, instances }) => {
    const used = new Set(instances.filter(({ role }) => role !== "scheduler").map(({ host }) => host));
    const [first, ...others] = hosts.filter(({ name }) => used.has(name));
    if (first === undefined) return [];
    const family = isIpv6(first.address) ? "IPv6" : "IPv4";
    return others
      .filter(({ address }) => isIpv6(address) !== isIpv6(first.address))
      .map(({ name, address }) => ({
        path: `hosts.${name}.address`,
        message: `${address} is of another family than ${first.address}, the address of ${first.name}`,
        fix: `put in the ${family} address of ${name}`,
      }));
  },
};
