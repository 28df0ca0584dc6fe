import { firstDifference } from "../../../problems/difference.ts";
import { groupRoles, missingRoles, nameOf, type ServerGroups } from "../../../rank-tables/format.ts";
import { tableProblems } from "./deployment.ts";
import { type FoundProblem, found, type GlobalFile, type Member, type TableFile } from "./files.ts";
import { checkLocalTables } from "./locals.ts";
import { parseNodePorts } from "./node-ports.ts";
import { mergeGroups } from "./servers.ts";

export interface CheckedTables {
  /** Of several global tables that which instances are to read; undefined: none is whole. */
  readonly whole: GlobalFile | undefined;
  readonly members: readonly CheckedMember[];
  readonly problems: readonly FoundProblem[];
}

export interface CheckedMember extends Member {
  /** From NODE_PORTS, which has none for the scheduler. */
  readonly port: number | undefined;
  /** Path of its local table, if that is among the files. */
  readonly local: string | undefined;
}

/** Every contradiction among rank tables of one deployment and, if it is given, NODE_PORTS. */
export function checkTables(files: readonly TableFile[], nodePorts: string | undefined): CheckedTables {
  const globals = files.filter((file) => "groups" in file);
  const locals = files.filter((file) => "server" in file);
  const whole = wholeTable(globals);
  const { where, groups } = whole ?? {
    where: "the global table",
    groups: mergeGroups(globals.map((file) => file.groups)),
  };
  const members = membersOf(groups);
  const { owners, problems: ofLocals } = checkLocalTables(
    // Without any global table there is nothing to miss an entry in.
    globals.length === 0 ? [] : locals,
    members,
    where,
  );
  const hasPorts = nodePorts !== undefined && whole !== undefined;
  const ports = hasPorts ? parseNodePorts(nodePorts, members.length - 1) : undefined;
  const numbers = ports !== undefined && "ports" in ports ? ports.ports : undefined;
  const ofTable =
    whole === undefined
      ? [notWhole(globals, groups)]
      : tableProblems(groups, numbers).map((one) => [where, one] as const);
  return {
    whole,
    members: members.map((member, index) => ({
      ...member,
      port: numbers?.[index],
      local: owners.find(([, owner]) => owner === member)?.[0].where,
    })),
    problems: [
      ...(ports !== undefined && "problem" in ports ? [["--node-ports", ports.problem] as const] : []),
      ...ofTable,
      ...globals.filter((file) => file !== whole).flatMap((file) => partProblems(file, groups, where)),
      ...ofLocals,
    ],
  };
}

/** The global table that instances are to read: of several whole ones the longest, the merged one. */
function wholeTable(globals: readonly GlobalFile[]): GlobalFile | undefined {
  return globals
    .filter(({ groups }) => missingRoles(groups).length === 0)
    .sort((a, b) => membersOf(b.groups).length - membersOf(a.groups).length)[0];
}

/** In the order of NODE_PORTS, the scheduler last. */
function membersOf(groups: ServerGroups): Member[] {
  return (["prefill", "decode", "scheduler"] as const).flatMap((role) =>
    groups[role].map((server, index) => ({
      path: role === "scheduler" ? role : `${role}[${index}]`,
      server,
    })),
  );
}

function notWhole(globals: readonly GlobalFile[], groups: ServerGroups): FoundProblem {
  const wrong = (message: string, fix: string) => found("the global table", "PD211", "(file)", message, fix);
  const missing = missingRoles(groups);
  if (globals.length === 0) return wrong("is not among the files", "name the file that all instances read");
  if (missing.length > 0) {
    return wrong(
      `no file has a ${missing.join(" or ")} entry`,
      "name the tables of all hosts, or the merged one",
    );
  }
  return wrong(
    "those of the hosts are not merged, and no instance may read a part",
    `ascend-pd ranktable merge --global-ranktable-list ${globals.map(({ where }) => where).join(" ")}`,
  );
}

/** A host's own table, or another whole one: each of its entries stands in the one that is read, in its order. */
function partProblems(
  { where, groups: part }: GlobalFile,
  groups: ServerGroups,
  whole: string,
): FoundProblem[] {
  return groupRoles.flatMap((role) => {
    const places = part[role].map((server) =>
      groups[role].findIndex((other) => firstDifference(server, other) === undefined),
    );
    const absent = part[role].flatMap((server, index) => {
      if (places[index] !== -1) return [];
      const message = `${nameOf(server)} is not so in ${whole}`;
      return [found(where, "PD218", `${role}[${index}]`, message, "merge the tables of all hosts anew")];
    });
    const isInOrder = places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1));
    if (absent.length > 0 || isInOrder) return absent;
    const message = `entries are in another order than in ${whole}, and NODE_PORTS follows the order`;
    return [found(where, "PD218", role, message, "keep one of the two tables, on all hosts")];
  });
}
