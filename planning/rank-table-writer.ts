import type { FilePlan, Role } from "./plan.ts";
import { found, hostOf, type Instance, type Topology } from "./topology.ts";

/** Where rank tables lie in a container: outside /home/ma-user, which nothing may be mounted over. */
export const rankTableFolder = "/etc/ascend-pd";

const groups: readonly Role[] = ["scheduler", "prefill", "decode"];

/**
 * The global rank table: group 0 the scheduler, 1 prefill, 2 decode. Keys, their order, the indent of four and
 * strings for all numbers are those of the manual's tool; HCCL refuses a number that is not a string.
 */
export function globalRankTable(topology: Topology): FilePlan {
  const serverGroups = groups.map((role, id) => {
    const servers = topology.instances.filter((instance) => instance.role === role);
    return {
      group_id: String(id),
      server_count: String(servers.length),
      server_list: servers.map((instance) => server(topology, instance)),
    };
  });
  return file("global_ranktable.json", {
    version: "1.0",
    status: "completed",
    server_group_list: serverGroups,
  });
}

/** The table that tells an instance which entry of the global one it is, and by that its role. */
export function localRankTable(topology: Topology, instance: Instance): FilePlan {
  return file(`local_ranktable_${instance.name}.json`, {
    version: "1.0",
    status: "completed",
    group_id: "0",
    server_count: "1",
    server_list: [server(topology, instance)],
  });
}

function server(topology: Topology, instance: Instance) {
  const { address, deviceIps } = hostOf(topology, instance);
  const device = instance.npus.map((npu, rank) => ({
    device_id: String(npu),
    device_ip: found(deviceIps[npu]),
    rank_id: String(rank),
  }));
  return { server_id: address, server_ip: address, ...(device.length > 0 && { device }) };
}

function file(name: string, table: object): FilePlan {
  return { path: `${rankTableFolder}/${name}`, content: JSON.stringify(table, null, 4) };
}
