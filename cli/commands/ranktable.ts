import type { Command } from "../command.ts";
import { check } from "../ranktable/check.ts";
import { gen } from "../ranktable/gen.ts";
import { importTables } from "../ranktable/import.ts";
import { merge } from "../ranktable/merge.ts";
import { refuseOtherEditions } from "../ranktable/other-editions.ts";
import { UserError } from "../user-error.ts";

const subcommands = { gen, merge, check, import: importTables };

const lines = Object.entries(subcommands).map(([name, { summary }]) => `  ${name.padEnd(6)}  ${summary}`);

export const ranktable: Command = {
  summary: "rank tables: write, merge, check, import",
  usage: `usage: ascend-pd ranktable COMMAND [ARGS]

${lines.join("\n")}

\`ascend-pd ranktable COMMAND --help\` tells more, with examples. The command line of the manual's
pd_ranktable_tools.py is taken as it is: \`ascend-pd ranktable --mode gen …\`, \`--mode merge …\`.`,
  subcommands,
  /** Only without a subcommand: `--mode gen` may stand anywhere, as the manual's tool has it. */
  async run(args) {
    const joined = args.findIndex((arg) => arg.startsWith("--mode="));
    const apart = args.indexOf("--mode");
    const [at, length] = joined >= 0 ? [joined, 1] : [apart, 2];
    const mode = joined >= 0 ? args[joined]?.slice("--mode=".length) : args[apart + 1];
    refuseOtherEditions(args);
    if (at < 0) throw new UserError(`say what to do\n\n${ranktable.usage}`);
    if (mode !== "gen" && mode !== "merge") {
      throw new UserError(`--mode ${mode ?? ""} is neither gen nor merge\n\n${ranktable.usage}`);
    }
    return subcommands[mode].run(args.toSpliced(at, length));
  },
};
