import { resolve } from "node:path";
import { globalTable } from "../../rank-tables/format.ts";
import type { Command } from "../command.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";
import { parseWithLists } from "./list-options.ts";
import { nodePortsPlaces, nodePortsSkeleton } from "./node-ports-skeleton.ts";
import { refuseOtherEditions } from "./other-editions.ts";
import { readTables } from "./read-files.ts";
import { hasErrors, printJson, problemsJson, problemsText, refuse } from "./show-problems.ts";
import { mergeProblems } from "./tables/merge.ts";
import { mergedTableName } from "./tables/names.ts";
import { mergeGroups } from "./tables/servers.ts";
import { showFiles, writeFiles } from "./write-files.ts";

const options = {
  "save-dir": { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
} as const;

export const merge: Command = {
  summary: "make one global rank table of those of several hosts",
  usage: `usage: ascend-pd ranktable merge --global-ranktable-list FILE FILE… [--save-dir FOLDER] [--dry-run] [--json]

Writes ${mergedTableName}, as the manual's pd_ranktable_tools.py --mode merge does. The order of the files is
that of the instances in it, and NODE_PORTS must follow; what to fill in is printed.

  --global-ranktable-list FILE…  the global table of each host, at least two
  --save-dir FOLDER              where to write, default .; made if it is not there
  --dry-run                      print the table, write nothing
  --json                         print {"file", "table", "nodePorts", "warnings"}, or {"problems"}

Every instance on every host, and the scheduler, must then read the merged file, no longer that of its host.

example:
  ascend-pd ranktable merge --global-ranktable-list global_ranktable_10.0.0.18.json global_ranktable_10.0.0.19.json

exit codes: 0 written, 2 refused: nothing was written`,
  options: { ...options, "global-ranktable-list": { type: "boolean" } },
  operands: ["file"],
  run(args) {
    refuseOtherEditions(args);
    const { values, list } = parseWithLists(args, options, ["global-ranktable-list"]);
    const paths = list("global-ranktable-list");
    if (paths.length < 2) {
      const one =
        "two files at least are needed\nfix: give that of each host; where there is only one, its table is whole";
      throw new UserError(`--global-ranktable-list: ${one}`);
    }
    const { tables, problems: unread } = readTables(paths);
    const files = tables.flatMap((file) => ("groups" in file ? [file] : []));
    const found = [
      ...unread,
      ...tables.flatMap((file) => ("server" in file ? [[file.where, aLocalTable] as const] : [])),
    ];
    const problems =
      found.length > 0 ? found : mergeProblems(files).map((one) => ["ranktable merge", one] as const);
    if (hasErrors(problems)) return refuse(problems, values.json);

    const groups = mergeGroups(files.map((file) => file.groups));
    const folder = resolve(values["save-dir"] ?? ".");
    const merged = { path: mergedTableName, content: globalTable(groups) };
    if (!values["dry-run"]) writeFiles(folder, [merged]);
    if (values.json) {
      printJson({
        file: resolve(folder, merged.path),
        table: JSON.parse(merged.content),
        nodePorts: nodePortsPlaces(groups),
        warnings: problemsJson(problems),
      });
    } else {
      if (problems.length > 0) complain(problemsText(problems));
      print(showFiles(folder, [merged], values["dry-run"] ?? false));
      print(
        `\ncopy it to every host, for GLOBAL_RANK_TABLE_FILE_PATH of every instance\n${nodePortsSkeleton(groups)}`,
      );
    }
    return 0;
  },
};

const aLocalTable = {
  code: "PD202",
  severity: "error",
  path: "(file)",
  message: "this is a local rank table; the global one is wanted",
  fix: "give global_ranktable_<ip>.json of that host",
} as const;
