import { ownPorts } from "../engines/over-hosts.ts";
import type { PortRange } from "../engines/port-range.ts";
import type { Host } from "../layout.ts";
import type { Topology } from "../topology.ts";

/** From the first to the last port for KV transfer on each host that has any. */
export function kvPortsByHost({
  engine: { mooncake },
  hosts,
  instances,
}: Topology): (PortRange & { readonly host: Host })[] {
  if (mooncake === undefined) return [];
  return hosts.flatMap((host) => {
    const here = instances.filter((one) => one.role !== "scheduler" && one.host === host.name);
    if (here.length === 0) return [];
    const ranges = here.flatMap((instance) => ownPorts(mooncake.kvPort, instance));
    const first = Math.min(...ranges.map((range) => range.first));
    return [{ host, first, last: Math.max(...ranges.map(({ last }) => last)) }];
  });
}
