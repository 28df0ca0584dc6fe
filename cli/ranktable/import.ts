import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { firstDifference } from "../../problems/difference.ts";
import { type ServerGroups, serverJson } from "../../rank-tables/format.ts";
import { type Command, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";
import { checkFiles } from "./check.ts";
import { importedStackFile } from "./imported-stack-file.ts";
import { hasErrors, problemsText } from "./show-problems.ts";
import { deploymentOf, inRankOrder } from "./tables/deployment.ts";
import { writeFiles } from "./write-files.ts";

const OPTIONS = {
  "node-ports": { type: "string" },
  "scheduler-port": { type: "string" },
  out: { type: "string" },
} as const;

export const importTables: Command = {
  summary: "turn the rank tables of a deployment into a stack file",
  usage: `usage: ascend-pd ranktable import FILE… --node-ports PORTS --scheduler-port PORT [--out FILE]

Writes a stack file of a deployment that was made by hand, from its rank tables and ports, once they pass
\`ascend-pd ranktable check\`. What is in no rank table (image, model, Docker endpoints, SSH host keys) is marked with
<…>: \`ascend-pd plan\` names each place until it is filled in.

  --node-ports PORTS     the scheduler's NODE_PORTS, e.g. 8088,8089
  --scheduler-port PORT  the port that clients use, e.g. 9000
  --out FILE             where to write, e.g. stacks/Pulumi.NAME.yaml; must not be there; default: print it

example:
  ascend-pd ranktable import save_dir/*.json --node-ports 8088,8089 --scheduler-port 9000 --out stacks/Pulumi.prod.yaml

exit codes: 0 written, 2 refused: nothing was written`,
  options: OPTIONS,
  operands: ["file"],
  run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    if (positionals.length === 0)
      throw new UserError("FILE is missing\nfix: name the deployment's rank tables");
    const nodePorts = required(values["node-ports"], "--node-ports", "8088,8089");
    const schedulerPort = required(values["scheduler-port"], "--scheduler-port", "9000");
    if (!/^\d{4,5}$/.test(schedulerPort) || Number(schedulerPort) < 1024 || Number(schedulerPort) > 65535) {
      throw new UserError(`--scheduler-port ${schedulerPort} is no port\nfix: give one from 1024 to 65535`);
    }
    const { whole, members, problems } = checkFiles(positionals, nodePorts);
    if (problems.length > 0) complain(problemsText(problems));
    if (whole === undefined || hasErrors(problems)) {
      throw new UserError("these tables do not fit together\nfix: mend them first, or the NODE_PORTS");
    }
    const lost = firstDifference(whole.groups, canonical(whole.groups));
    if (lost !== undefined) {
      complain(`warning: ${whole.where}: ${lost.path} is not as the planner writes it; what it says is lost`);
    }
    const instances = members.flatMap(({ port }) => (port === undefined ? [] : [port]));
    const deployment = deploymentOf(whole.groups, { instances, scheduler: Number(schedulerPort) });
    const text = importedStackFile(deployment, whole.where);
    if (values.out === undefined) print(text.trimEnd());
    else writeNew(values.out, text);
    return 0;
  },
};

function required(value: string | undefined, option: string, example: string): string {
  if (value === undefined)
    throw new UserError(`${option} is missing\nfix: give that of the scheduler, e.g. ${option} ${example}`);
  return value;
}

/** The entries as the planner will write them. */
function canonical(groups: ServerGroups): ServerGroups {
  const entries = (role: keyof ServerGroups) =>
    groups[role].map((server) =>
      serverJson(
        server.server_ip,
        inRankOrder(server).map(({ device_id, device_ip }) => [Number(device_id), device_ip]),
      ),
    );
  return { scheduler: entries("scheduler"), prefill: entries("prefill"), decode: entries("decode") };
}

/** Never over a stack file that someone may have filled in. */
function writeNew(path: string, content: string): void {
  if (existsSync(path)) throw new UserError(`${path} is there already\nfix: choose another file with --out`);
  writeFiles(dirname(path), [{ path: basename(path), content }]);
  print(`wrote ${path}; \`ascend-pd plan\` names what is still to be filled in`);
}
