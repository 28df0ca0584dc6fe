import { parseStackFile } from "../../../planning/read-stack-file.ts";
import { rules } from "../../../planning/rules/index.ts";
import { topologyOf } from "../../../planning/topology.ts";
import { error, type Problem } from "../../../problems/problem.ts";
import { isIpv4 } from "../../../rank-tables/addresses.ts";
import { groupRoles, type ServerGroups, type ServerJson, serverJson } from "../../../rank-tables/format.ts";

/** Ports that are in no rank table: of prefill and decode instances, in the order of NODE_PORTS, and the scheduler's. */
export interface TablePorts {
  readonly instances: readonly number[];
  readonly scheduler: number;
}

/** Name of a host in the stack file; tables have only its address. */
export const hostName = (ip: string): string => `host-${ip.replaceAll(".", "-")}`;

/** The keys of a stack file that whole rank tables and ports decide. */
export function deploymentOf(groups: ServerGroups, ports: TablePorts) {
  const servers = groupRoles.flatMap((role) => groups[role]);
  const hosts = new Map<string, { address: string; npus: number; deviceIps: Record<string, string> }>();
  for (const { server_ip: address, device = [] } of servers) {
    const host = hosts.get(address) ?? { address, npus: 8, deviceIps: {} };
    for (const { device_id, device_ip } of device) host.deviceIps[device_id] = device_ip;
    if (device.some(({ device_id }) => Number(device_id) > 7)) host.npus = 16;
    hosts.set(address, host);
  }
  const instances = (role: "prefill" | "decode", firstPort: number) =>
    groups[role].map((server, index) => ({
      host: hostName(server.server_ip),
      devices: inRankOrder(server).map(({ device_id }) => Number(device_id)),
      port: ports.instances[firstPort + index],
    }));
  return {
    hosts: Object.fromEntries([...hosts].map(([address, host]) => [hostName(address), host])),
    prefill: instances("prefill", 0),
    decode: instances("decode", groups.prefill.length),
    scheduler: { host: hostName(groups.scheduler[0]?.server_ip ?? ""), port: ports.scheduler },
  };
}

export const inRankOrder = ({ device = [] }: ServerJson) =>
  [...device].sort((a, b) => Number(a.rank_id) - Number(b.rank_id));

/**
 * What the planner's rules say of a deployment with these whole rank tables; paths are those of a stack file:
 * `prefill[0]` is the first entry of group 1. Without NODE_PORTS nothing is said of ports.
 */
export function tableProblems(groups: ServerGroups, nodePorts?: readonly number[]): Problem[] {
  const addresses = addressProblems(groups);
  if (addresses.length > 0) return addresses;
  const unknown = [...groups.prefill, ...groups.decode].map((_, index) => 20000 + index);
  const deployment = deploymentOf(groups, { instances: nodePorts ?? unknown, scheduler: 9000 });
  const hosts = Object.entries(deployment.hosts).map(([name, host]) => [
    name,
    { ...host, ...anyEndpoint(host) },
  ]);
  const parsed = parseStackFile({ ...whatTablesDoNotSay, ...deployment, hosts: Object.fromEntries(hosts) });
  const problems = "problems" in parsed ? parsed.problems : ruleProblems(parsed.file);
  const ofRules = problems.filter(
    ({ path }) =>
      /^(prefill|decode|hosts\.[^.]*\.(address|npus|deviceIps))\b/.test(path) &&
      (nodePorts !== undefined || !path.endsWith(".port")),
  );
  return [...ofRules, ...superPodKeys(groups)];
}

/** PD207: what AscendCloud's tables of an A3 have besides. */
function superPodKeys({ prefill, decode }: ServerGroups): Problem[] {
  const found = [...prefill, ...decode].flatMap(({ device = [] }) =>
    device.flatMap((one) => Object.keys(one)),
  );
  const keys = ["device_logical_id", "super_device_id"].filter((key) => found.includes(key));
  if (keys.length === 0) return [];
  const message = `its NPUs have ${keys.join(" and ")}, which AscendCloud adds on A3; nobody here reads ${keys.length > 1 ? "them" : "it"}`;
  const fix =
    "keep such tables for an engine that wants them: `merge` does, tables of a stack file have the manual's keys alone";
  return [{ code: "PD207", severity: "warning", path: "prefill", message, fix }];
}

/** The same verdict on the instances of one host, whatever runs elsewhere; nothing where it has but one role. */
export function hostProblems(ip: string, groups: ServerGroups): Problem[] {
  if (groups.prefill.length === 0 || groups.decode.length === 0) return [];
  return tableProblems({ ...groups, scheduler: [serverJson(ip, [])] });
}

/** All rules, without what a stack file may allow. */
function ruleProblems(file: Parameters<typeof topologyOf>[1]): Problem[] {
  const topology = topologyOf("tables", file);
  return rules.flatMap(({ code, severity, check }) =>
    check(topology).map((finding) => ({ code, severity, ...finding })),
  );
}

/** Values that break no rule. */
const whatTablesDoNotSay = {
  engine: { kind: "ascendcloud", image: "image:1", workDir: { source: "/data", target: "/data" } },
  model: { path: "/data/model", servedName: "model", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
};

const anyEndpoint = ({ address }: { readonly address: string }) => ({
  docker: `ssh://root@${address}`,
  hostKey: "ssh-ed25519 AAAA",
});

/** PD219: entries whose addresses no stack file can have. `server_id` may also be the host's name. */
function addressProblems(groups: ServerGroups): Problem[] {
  return groupRoles.flatMap((role) =>
    groups[role].flatMap(({ server_id, server_ip }, index) => {
      const wrong = (key: string, message: string, fix: string) => [
        error("PD219", `${role}[${index}].${key}`, message, fix),
      ];
      if (!isIpv4(server_ip) && server_ip !== "localhost") {
        const fix = "write the host's IPv4 address there, as the manual's tool does";
        return wrong("server_ip", `"${server_ip}" is not an IPv4 address`, fix);
      }
      if (server_id === server_ip || isNameOfHost(server_id)) return [];
      const message = `"${server_id}" is not server_ip, "${server_ip}"`;
      return wrong("server_id", message, "write server_ip there too, or the host's name");
    }),
  );
}

/** Of what the schema lets through; `localhost` is every host's. */
const isNameOfHost = (id: string): boolean => !isIpv4(id) && !id.includes(":") && id !== "localhost";
