import { repeated } from "../repeated.ts";
import type { Rule } from "./rule.ts";

/** Why: through one endpoint both hosts' containers come to stand on one machine. */
export const dockerEndpointsDistinct: Rule = {
  code: "PD151",
  severity: "error",
  title: "a host's Docker endpoint is its own",
  waivable: true,
  check: ({ hosts }) =>
    repeated(hosts, ({ docker }) => docker).map(([{ name, address, docker }, first]) => ({
      path: `hosts.${name}.docker`,
      message: `${docker ?? "the default endpoint"} is already that of ${first.name}`,
      fix: `put in that of ${name}, e.g. ssh://root@${address}`,
    })),
};
