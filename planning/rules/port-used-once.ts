import { repeated } from "../repeated.ts";
import { freePort } from "./free.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: containers share their host's network, so a second listener on a port cannot start.
 * Source: the manual, `--port`: instances on one machine need different ports.
 */
export const portUsedOnce: Rule = {
  code: "PD110",
  severity: "error",
  title: "a port of a host belongs to one instance",
  check: (topology) =>
    repeated(topology.instances, ({ host, port }) => `${host} ${port}`).map(
      ([{ path, host, port }, first]) => ({
        path: `${path}.port`,
        message: `port ${port} on ${host} is already taken by ${first.path}`,
        fix: freePort(topology, port),
      }),
    ),
};
