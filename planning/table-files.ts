import { globalTable, localTable, type ServerJson, serverJson } from "../rank-tables/format.ts";
import type { FilePlan, Role } from "./plan.ts";
import { found, hostOf, type Instance, type Topology } from "./topology.ts";

/** Where rank tables lie in a container: outside /home/ma-user, which nothing may be mounted over. */
export const rankTableFolder = "/etc/ascend-pd";

export function globalRankTable(topology: Topology): FilePlan {
  const servers = (role: Role) =>
    topology.instances
      .filter((instance) => instance.role === role)
      .map((instance) => server(topology, instance));
  return file(
    "global_ranktable.json",
    globalTable({
      scheduler: servers("scheduler"),
      prefill: servers("prefill"),
      decode: servers("decode"),
    }),
  );
}

export function localRankTable(topology: Topology, instance: Instance): FilePlan {
  return file(`local_ranktable_${instance.name}.json`, localTable(server(topology, instance)));
}

/** The ports of the instances, in the order of the global table. */
export const nodePortsFile = ({ nodePorts }: Topology): FilePlan => file("node_ports", nodePorts);

function server(topology: Topology, instance: Instance): ServerJson {
  const { address, deviceIps } = hostOf(topology, instance);
  return serverJson(
    address,
    instance.npus.map((npu) => [npu, found(deviceIps[npu])]),
  );
}

const file = (name: string, content: string): FilePlan => ({ path: `${rankTableFolder}/${name}`, content });
