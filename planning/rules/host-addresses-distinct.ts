import { repeated } from "../../problems/repeated.ts";
import type { Rule } from "./rule.ts";

export const hostAddressesDistinct: Rule = {
  code: "PD121",
  severity: "error",
  title: "a host's address is its own",
  why: "Two names for one machine hide that its NPUs and ports are claimed twice.",
  source: "the manual, step one: one rank table a host",
  check: ({ hosts }) =>
    repeated(hosts, ({ address }) => address).map(([{ name, address }, first]) => ({
      path: `hosts.${name}.address`,
      message: `${address} is already the address of ${first.name}`,
      fix: `put in the address of ${name}, or place its instances on ${first.name}`,
    })),
};
