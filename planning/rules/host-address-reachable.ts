import { isLoopback } from "../addresses.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: the address goes into the rank tables. A loopback address there makes instances on other hosts connect to
 * themselves, which shows when the first KV cache is sent.
 */
export const hostAddressReachable: Rule = {
  code: "PD120",
  severity: "error",
  title: "a host's address is one at which the other hosts reach it",
  check: ({ hosts }) =>
    hosts
      .filter(({ address }) => address.startsWith("0.") || (hosts.length > 1 && isLocal(address)))
      .map(({ name, address }) => ({
        path: `hosts.${name}.address`,
        message: `${address} does not lead to ${name} from other hosts`,
        fix: `put in the IPv4 address of ${name} in the network that the hosts share`,
      })),
};

const isLocal = (address: string): boolean => isLoopback(address) || address.startsWith("169.254.");
