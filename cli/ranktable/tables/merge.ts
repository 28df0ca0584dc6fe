import { error, type Problem } from "../../../problems/problem.ts";
import { groupRoles, missingRoles, nameOf, type ServerJson } from "../../../rank-tables/format.ts";
import { tableProblems } from "./deployment.ts";
import type { GlobalFile } from "./files.ts";
import { mergeGroups } from "./servers.ts";

/** Why the global tables of several hosts cannot be one: what is missing, what is there twice, then every rule. */
export function mergeProblems(files: readonly GlobalFile[]): Problem[] {
  const groups = mergeGroups(files.map((file) => file.groups));
  const problems = [...serviceEntries(files), ...missing(files), ...copies(files)];
  return problems.length > 0 ? problems : tableProblems(groups);
}

function serviceEntries(files: readonly GlobalFile[]): Problem[] {
  const [first, ...others] = files.filter(({ groups }) => groups.scheduler.length > 0);
  return others.map(({ where }) =>
    error(
      "PD212",
      where,
      `has a service entry (group 0), as ${first?.where} has`,
      "generate one of the two anew without --api-server; a deployment has one service entry",
    ),
  );
}

function missing(files: readonly GlobalFile[]): Problem[] {
  const fixes = {
    scheduler: "generate the table of the scheduler's host with --api-server",
    prefill: "add the table of a host with prefill instances",
    decode: "add the table of a host with decode instances",
  };
  return missingRoles(mergeGroups(files.map(({ groups }) => groups))).map((role) =>
    error(
      "PD211",
      "(all files)",
      `none has a ${role} entry (group ${groupRoles.indexOf(role)})`,
      fixes[role],
    ),
  );
}

/** One problem for each two files that have a device in common: mostly a file given twice. */
function copies(files: readonly GlobalFile[]): Problem[] {
  return files.flatMap(({ where, groups }, index) =>
    files.slice(0, index).flatMap((earlier) => {
      const taken = new Set(devicesOf(earlier));
      const shared = [...groups.prefill, ...groups.decode].find((server) =>
        devicesOfServer(server).some((device) => taken.has(device)),
      );
      if (shared === undefined) return [];
      const message = `${nameOf(shared)}, or some of them, are in ${earlier.where} too`;
      return [error("PD213", where, message, "give each file once, and each NPU to one instance")];
    }),
  );
}

const devicesOf = ({ groups }: GlobalFile) => [...groups.prefill, ...groups.decode].flatMap(devicesOfServer);

const devicesOfServer = ({ server_ip, device = [] }: ServerJson) =>
  device.map(({ device_id }) => `${server_ip} ${device_id}`);
