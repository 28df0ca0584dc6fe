import { globalTable, localTable, type ServerJson, serverJson } from "../rank-tables/format.ts";
import { found, hostOf, type Instance, isHead, type Layout } from "./layout.ts";
import type { FilePlan, Role } from "./plan.ts";

/** Where rank tables lie in a container: outside /home/ma-user, which nothing may be mounted over. */
export const rankTableFolder = "/etc/ascend-pd";

export function globalRankTable(layout: Layout): FilePlan {
  const servers = (role: Role) =>
    layout.instances
      .filter((one) => one.role === role && isHead(one))
      .map((instance) => server(layout, instance));
  return file(
    "global_ranktable.json",
    globalTable({
      scheduler: servers("scheduler"),
      prefill: servers("prefill"),
      decode: servers("decode"),
    }),
  );
}

export function localRankTable(layout: Layout, instance: Instance): FilePlan {
  return file(`local_ranktable_${instance.name}.json`, localTable(server(layout, instance)));
}

/** The ports of the instances under their names, in the order of the global table. */
export function nodePortsFile({ instances }: Layout): FilePlan {
  const servers = instances.filter((one) => one.role !== "scheduler" && isHead(one));
  return file("node_ports", servers.map(({ shortName, port }) => `${shortName}=${port}`).join(","));
}

/** Who may ask the scheduler, if not everybody. */
export function apiKeysFile({ file: { scheduler } }: Layout): FilePlan | undefined {
  if (scheduler.apiKeys.length === 0) return undefined;
  return file("api_keys", scheduler.apiKeys.map((line) => `${line}\n`).join(""));
}

function server(layout: Layout, instance: Instance): ServerJson {
  const { address, deviceIps } = hostOf(layout, instance);
  return serverJson(
    address,
    instance.npus.map((npu) => [npu, found(deviceIps[npu])]),
  );
}

const file = (name: string, content: string): FilePlan => ({ path: `${rankTableFolder}/${name}`, content });
