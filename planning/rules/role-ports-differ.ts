import { isHead } from "../layout.ts";
import { freePort } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const rolePortsDiffer: Rule = {
  code: "PD112",
  severity: "error",
  title: "no decode instance has the port of a prefill instance on another host (not with public vLLM)",
  why: "The manual forbids it without saying why; until somebody has seen it work, it is refused on two hosts too.",
  source: "the manual, constraints, second item",
  waivable: true,
  check: (topology) => {
    if (topology.engine.isPublic) return [];
    const free = freePort(topology);
    const heads = topology.instances.filter(isHead);
    const prefill = Map.groupBy(
      heads.filter(({ role }) => role === "prefill"),
      ({ port }) => port,
    );
    return heads.flatMap(({ path, role, host, port }) => {
      const other = prefill.get(port)?.find((instance) => instance.host !== host);
      if (role !== "decode" || other === undefined) return [];
      const message = `port ${port} on ${host} is also that of ${other.path} on ${other.host}`;
      return [{ path: `${path}.port`, message, fix: free(port) }];
    });
  },
};
