import { nameOf } from "../../rank-tables/format.ts";
import { type Command, mistakesEndWith1, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { table } from "../table.ts";
import { UserError } from "../user-error.ts";
import { readTables } from "./read-files.ts";
import { hasErrors, printJson, problemsJson, problemsText } from "./show-problems.ts";
import { type CheckedMember, type CheckedTables, checkTables } from "./tables/check.ts";

const OPTIONS = { "node-ports": { type: "string" }, json: { type: "boolean" } } as const;

export const check: Command = {
  summary: "hold rank tables and NODE_PORTS of a deployment against each other",
  usage: `usage: ascend-pd ranktable check FILE… [--node-ports PORTS] [--json]

Checks global and local rank tables, whoever wrote them: each by its form, the global one by the rules of the planner,
each local table and each host's table against the global one, and NODE_PORTS against all. Starts and changes nothing.

  --node-ports PORTS  the scheduler's NODE_PORTS, e.g. 8088,8089
  --json              print {"instances", "problems"}

examples:
  ascend-pd ranktable check save_dir/*.json --node-ports 8088,8089
  ascend-pd ranktable check global_ranktable_merge.json local_ranktable_10.0.0.18_45.json

exit codes: 0 they fit together (there may be warnings), 2 they do not, 1 the command line is wrong`,
  options: OPTIONS,
  operands: ["file"],
  run: mistakesEndWith1(compare),
};

function compare(args: readonly string[]): number {
  const { values, positionals } = parseOptions(args, OPTIONS);
  if (positionals.length === 0) throw new UserError("FILE is missing\nfix: name the rank tables to check");
  const { members, problems } = checkFiles(positionals, values["node-ports"]);
  if (values.json) printJson({ instances: members, problems: problemsJson(problems) });
  else {
    if (problems.length > 0) complain(problemsText(problems));
    if (members.length > 0) print(membersTable(members));
  }
  return hasErrors(problems) ? 2 : 0;
}

/** What is wrong with each file in itself, and with those that are well formed together. */
export function checkFiles(paths: readonly string[], nodePorts: string | undefined): CheckedTables {
  const { tables, problems } = readTables(paths);
  const checked = checkTables(tables, nodePorts);
  // A global table that cannot be read is not also missing.
  if (problems.length > 0 && checked.whole === undefined) return { whole: undefined, members: [], problems };
  return { ...checked, problems: [...problems, ...checked.problems] };
}

function membersTable(members: readonly CheckedMember[]): string {
  const rows = members.map(({ path, server, port, local }) => [
    path,
    nameOf(server),
    port === undefined ? "-" : String(port),
    local ?? "-",
  ]);
  return table([["ENTRY", "INSTANCE", "PORT", "LOCAL TABLE"], ...rows]);
}
