import { FixableError } from "../problems/fixable-error.ts";
import { type Command, findCommand } from "./command.ts";
import { ask } from "./commands/ask.ts";
import { bench } from "./commands/bench.ts";
import { diff } from "./commands/diff.ts";
import { doctor } from "./commands/doctor.ts";
import { drift } from "./commands/drift.ts";
import { graph } from "./commands/graph.ts";
import { key } from "./commands/key.ts";
import { logs } from "./commands/logs.ts";
import { plan } from "./commands/plan.ts";
import { ranktable } from "./commands/ranktable.ts";
import { ratio } from "./commands/ratio.ts";
import { recover } from "./commands/recover.ts";
import { render } from "./commands/render.ts";
import { scheduler } from "./commands/scheduler.ts";
import { status } from "./commands/status.ts";
import { complain, print } from "./print.ts";
import { UserError } from "./user-error.ts";

const commands: Readonly<Record<string, Command>> = {
  ask,
  bench,
  diff,
  doctor,
  drift,
  graph,
  key,
  logs,
  plan,
  ranktable,
  ratio,
  recover,
  render,
  scheduler,
  status,
};

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: ascend-pd COMMAND [ARGS]\n\n${lines.join("\n")}\n\n\`ascend-pd COMMAND --help\` tells more, with examples.`;
}

const isHelp = (word: string) => word === "--help" || word === "-h";

async function main(words: readonly string[]): Promise<number> {
  const [name] = words;
  if (name === undefined || name === "help" || isHelp(name)) {
    print(overview());
    return name === undefined ? 2 : 0;
  }
  const found = findCommand(commands, words);
  if (found === undefined) throw new UserError(`there is no command ${name}\n\n${overview()}`);
  const [command, args] = found;
  if (args.some(isHelp)) {
    print(command.usage);
    return 0;
  }
  return command.run(args);
}

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on("error", () => process.exit());
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof UserError) {
      complain(`error: ${error.message}`);
      process.exitCode = 2;
    } else if (error instanceof FixableError) {
      complain(`error: ${error.message}\nfix: ${error.fix}`);
      process.exitCode = 1;
    } else {
      // A bug; its words may still be another's.
      complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
      process.exitCode = 1;
    }
  },
);
