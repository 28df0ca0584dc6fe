import { readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import type { Problem } from "../../problems/problem.ts";
import { missingRoles, type ServerGroups } from "../../rank-tables/format.ts";
import type { Command } from "../command.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";
import { deviceIps } from "./device-ips.ts";
import { hostIp } from "./host-ip.ts";
import { parseWithLists } from "./list-options.ts";
import { nodePortsSkeleton } from "./node-ports-skeleton.ts";
import { refuseOtherEditions } from "./other-editions.ts";
import { printJson, refuse } from "./show-problems.ts";
import { hostProblems } from "./tables/deployment.ts";
import { hostGroups, hostRankTables, parseServerLists } from "./tables/host-layout.ts";
import { showFiles, writeFiles } from "./write-files.ts";

const options = {
  "api-server": { type: "boolean" },
  "save-dir": { type: "string" },
  "host-ip": { type: "string" },
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
} as const;

export const gen: Command = {
  summary: "write the rank tables of this host",
  usage: `usage: ascend-pd ranktable gen [--prefill-server-list IDS…] [--decode-server-list IDS…] [--api-server] …

Writes the rank tables of the instances on this host, as the manual's pd_ranktable_tools.py --mode gen does: run it on
each host, then \`ascend-pd ranktable merge\` once if there are several.

  --prefill-server-list IDS…  NPUs of each prefill instance: ids with commas, in rank order; instances with spaces
  --decode-server-list IDS…   the same for decode instances
  --api-server                the scheduler runs here; on exactly one host
  --save-dir FOLDER           where to write, default .; made if it is not there
  --host-ip ADDRESS           IPv4 address by which the other hosts reach this one; needed where it has several
  --dry-run                   print the tables, write nothing
  --json                      print {"hostIp", "files", "warnings"}, or {"problems"}

Device IPs are asked of hccn_tool, as root: /usr/local/Ascend/driver/tools/hccn_tool, else that on PATH; else
they are taken from /etc/hccn.conf, with a warning. Existing files are replaced once all new ones are whole; anyone may
read them, since the container's ma-user has to.

examples:
  ascend-pd ranktable gen --prefill-server-list 4,5 --decode-server-list 6,7 --api-server --save-dir ./save_dir
  ascend-pd ranktable gen --decode-server-list 0,1 2,3 --host-ip 10.0.0.19 --dry-run

exit codes: 0 written, 2 refused: nothing was written`,
  options: {
    ...options,
    "prefill-server-list": { type: "boolean" },
    "decode-server-list": { type: "boolean" },
  },
  operands: ["file"],
  async run(args) {
    refuseOtherEditions(args);
    const { values, list } = parseWithLists(args, options, ["prefill-server-list", "decode-server-list"]);
    const lists = { prefill: list("prefill-server-list"), decode: list("decode-server-list") };
    const parsed = parseServerLists(lists);
    const refused = (problems: readonly Problem[]) =>
      refuse(
        problems.map((one) => ["ranktable gen", one] as const),
        values.json,
      );
    if ("problems" in parsed) return refused(parsed.problems);
    const layout = { ...parsed.layout, apiServer: values["api-server"] ?? false };
    const devices = [...layout.prefill, ...layout.decode].flat();
    if (devices.length === 0 && !layout.apiServer) {
      throw new UserError(
        "nothing runs here\nfix: give a --prefill-server-list, a --decode-server-list or --api-server",
      );
    }
    const host = hostIp(values["host-ip"], networkInterfaces());
    const ips = await deviceIps(devices);
    if ("problems" in ips) return refused(ips.problems);
    const groups = hostGroups(host.ip, layout, ips.ipOf);
    const verdict = hostProblems(host.ip, groups);
    if (verdict.some(({ severity }) => severity === "error")) return refused(verdict);
    const files = hostRankTables(host.ip, groups);
    const folder = resolve(values["save-dir"] ?? ".");
    const ofRules = verdict.map(({ code, path, message, fix }) => `${code} ${path}: ${message}; ${fix}`);
    const warnings = [...host.warnings, ...ofRules, ...ips.warnings, ...leftovers(folder, host.ip, files)];
    if (!values["dry-run"]) writeFiles(folder, files);

    if (values.json) {
      const tables = files.map(({ path, content }) => ({
        path: resolve(folder, path),
        table: JSON.parse(content),
      }));
      printJson({ hostIp: host.ip, files: tables, warnings });
      return 0;
    }
    for (const warning of warnings) complain(`warning: ${warning}`);
    print(showFiles(folder, files, values["dry-run"] ?? false));
    print(nextStep(groups));
    return 0;
  },
};

/** Tables of an earlier layout of this host, which would still be found by their names. */
function leftovers(folder: string, ip: string, files: readonly { readonly path: string }[]): string[] {
  const written = new Set(files.map(({ path }) => path));
  return filesIn(folder)
    .filter((name) => name.startsWith(`local_ranktable_${ip}_`) && !written.has(name))
    .map(
      (name) =>
        `${resolve(folder, name)} is of another layout; remove it, so that no instance is started with it`,
    );
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function nextStep(groups: ServerGroups): string {
  const missing = missingRoles(groups);
  if (missing.length === 0)
    return `\nif no other host takes part, this is all, without a merge\n${nodePortsSkeleton(groups)}`;
  return `\nno ${missing.join(" and no ")} here: generate on the other hosts too, then \`ascend-pd ranktable merge\``;
}
