import type { Command } from "./command.ts";
import { diff } from "./commands/diff.ts";
import { graph } from "./commands/graph.ts";
import { plan } from "./commands/plan.ts";
import { render } from "./commands/render.ts";
import { scheduler } from "./commands/scheduler.ts";
import { UserError } from "./stack-file.ts";

const commands: Readonly<Record<string, Command>> = { diff, graph, plan, render, scheduler };

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: ascend-pd COMMAND [ARGS]\n\n${lines.join("\n")}\n\n\`ascend-pd COMMAND --help\` tells more, with examples.`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "help") {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UserError(`there is no command ${name}\n\n${overview()}`);
  if (args.includes("--help")) {
    console.log(command.usage);
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
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}`);
    process.exitCode = 2;
  },
);
