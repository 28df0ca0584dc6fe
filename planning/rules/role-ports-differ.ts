import { freePort } from "./free.ts";
import type { Rule } from "./rule.ts";

/**
 * Why: the manual says that prefill and decode must not use one port, and only in other places that this is about
 * one machine. Until somebody has seen it work on two hosts, it is refused there too.
 * Source: the manual, constraints, second item.
 */
export const rolePortsDiffer: Rule = {
  code: "PD112",
  severity: "error",
  title: "no decode instance has the port of a prefill instance on another host",
  waivable: true,
  check: (topology) =>
    topology.instances.flatMap(({ path, role, host, port }) => {
      const other = topology.instances.find(
        (instance) => instance.role === "prefill" && instance.port === port && instance.host !== host,
      );
      if (role !== "decode" || other === undefined) return [];
      const message = `port ${port} is also that of ${other.path}, on ${other.host}`;
      return [{ path: `${path}.port`, message, fix: freePort(topology, port) }];
    }),
};
