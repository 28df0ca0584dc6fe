import { isLoopback, isUnicast } from "../../rank-tables/addresses.ts";
import type { Rule } from "./rule.ts";

export const hostAddressReachable: Rule = {
  code: "PD120",
  severity: "error",
  title: "a host's address is one at which the other hosts reach it",
  why: "The address goes into the rank tables; a loopback address there makes instances on other hosts connect to themselves, which shows when the first KV cache is sent.",
  source: "the manual, step one: `localhost` in its example, where all is on one host",
  check: ({ hosts }) =>
    hosts
      .filter(({ address }) => (isLoopback(address) ? hosts.length > 1 : !isUnicast(address)))
      .map(({ name, address }) => ({
        path: `hosts.${name}.address`,
        message: `${address} does not lead to ${name} from other hosts`,
        fix: `put in the address of ${name} in the network that the hosts share`,
      })),
};
