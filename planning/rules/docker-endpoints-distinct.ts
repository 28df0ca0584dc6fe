import { repeated } from "../../problems/repeated.ts";
import { bracketed } from "../../rank-tables/addresses.ts";
import type { Rule } from "./rule.ts";

export const dockerEndpointsDistinct: Rule = {
  code: "PD151",
  severity: "error",
  title: "a host's Docker endpoint is its own",
  why: "Through one endpoint both hosts' containers come to stand on one machine.",
  source: "the manual, steps two and three: each container on the host of its NPUs",
  waivable: true,
  check: ({ file, hosts }) =>
    repeated(file.target === undefined ? hosts : [], ({ docker }) => docker).map(
      ([{ name, address, docker }, first]) => ({
        path: `hosts.${name}.docker`,
        message: `${docker ?? "the default endpoint"} is already that of ${first.name}`,
        fix: `put in that of ${name}, e.g. ssh://root@${bracketed(address)}`,
      }),
    ),
};
