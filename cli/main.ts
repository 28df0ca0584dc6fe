import { FixableError } from "../problems/fixable-error.ts";
import { nearest } from "../problems/nearest.ts";
import { findCommand } from "./command.ts";
import { commands } from "./commands.ts";
import { complain, print } from "./print.ts";
import { UserError } from "./user-error.ts";

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: ascend-pd COMMAND [ARGS]\n\n${lines.join("\n")}\n\n\`ascend-pd COMMAND --help\` tells more, with examples.

exit codes: 0 done or nothing found, 1 not done, 2 the command line or a file is wrong; of those that look for something
(diff, doctor, drift, ranktable check, status) 2 says that there is something, and 1 any error`;
}

const isHelp = (word: string) => word === "--help" || word === "-h";

async function main(words: readonly string[]): Promise<number> {
  const [name] = words;
  if (name === undefined || name === "help" || isHelp(name)) {
    print(overview());
    return name === undefined ? 2 : 0;
  }
  const found = findCommand(commands, words);
  if (found === undefined) {
    const meant = nearest(name, Object.keys(commands));
    const hint = meant === undefined ? "" : `\nfix: did you mean ${meant}?`;
    throw new UserError(`there is no command ${name}${hint}\n\n${overview()}`);
  }
  const [command, args] = found;
  if ((command.isPrefix ? args.slice(0, 1) : args).some(isHelp)) {
    print(command.usage);
    return 0;
  }
  const [word = ""] = args;
  const meant = nearest(word, Object.keys(command.subcommands ?? {}));
  if (meant !== undefined) {
    const parent = words.slice(0, words.length - args.length).join(" ");
    throw new UserError(`there is no command ${parent} ${word}\nfix: did you mean ${meant}?`);
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
