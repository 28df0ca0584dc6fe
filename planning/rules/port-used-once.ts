import { freePort } from "./free.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: containers share their host's network, so a second listener on a port cannot start.
 * Source: the manual, `--port`: "instances on one machine need different ports".
 */
export const portUsedOnce: Rule = {
  code: "PD110",
  severity: "error",
  title: "a port of a host belongs to one instance",
  check: (topology) => {
    const users = new Map<string, string>();
    return topology.instances.flatMap(({ path, host, port }) => {
      const key = `${host} ${port}`;
      const user = users.get(key);
      users.set(key, user ?? path);
      if (user === undefined) return [];
      const message = `port ${port} on ${host} is already taken by ${user}`;
      return [{ path: `${path}.port`, message, fix: freePort(topology, port) }];
    });
  },
};
