import type { Command } from "../cli/command.ts";
import { commands } from "../cli/commands.ts";

/** docs/commands.md: every command, and what each exit code of it means, by what its own `--help` says. */
export function commandsPage(): string {
  const all = Object.entries(commands).flatMap(([name, command]) => rowsOf(name, command));
  return `# The commands

<!-- Made from the code by \`node generate/main.ts\`. -->

\`ascend-pd COMMAND --help\` tells all of one, with examples. What a command was asked for goes to stdout, progress and problems
to stderr, so that \`--json\` can be piped on. \`bench\`, \`bundle\`, \`init\` and \`status\` say how far they are when it takes over two
seconds, on a terminal in one line. Nothing is coloured, so that \`NO_COLOR\` has nothing to change.

| command | it can |
| --- | --- |
${all.map(([name, { summary }]) => `| \`${name}\` | ${summary} |`).join("\n")}

## Exit codes

Where a command looks for something, as \`diff\` and \`doctor\` do, 2 says that it has found something, and 1 that it could not
look. Of the others 2 says that the command line or a file is wrong, and 1 that what was asked for was not done.

| command | 0 | 1 | 2 |
| --- | --- | --- | --- |
${all.map(([name, { usage }]) => `| \`${name}\` | ${exitCodes(usage).join(" | ")} |`).join("\n")}

## Completion

\`\`\`sh
npm link                                # once, in the folder of the project: ascend-pd is on your PATH
source <(ascend-pd completion bash)     # in ~/.bashrc; for zsh and fish: ascend-pd completion --help
\`\`\`
`;
}

function rowsOf(name: string, command: Command): [string, Command][] {
  const { subcommands } = command;
  if (subcommands === undefined) return [[name, command]];
  return Object.entries(subcommands).flatMap(([word, one]) => rowsOf(`${name} ${word}`, one));
}

/** Of 0, 1 and 2, by the last lines of a usage: \`exit codes: 0 done, 1 not done, …\`. */
export function exitCodes(usage: string): [string, string, string] {
  const [, said = ""] = /^exit codes: (.+)$/ms.exec(usage) ?? [];
  const meanings = ["-", "-", "-"];
  for (const part of said.replaceAll("\n", " ").split(/(?:^|[,;:] )(?=[012] )/)) {
    const [, code, meaning] = /^([012]) (.+)$/.exec(part.trim()) ?? [];
    if (code !== undefined && meaning !== undefined) meanings[Number(code)] = meaning.replaceAll("|", "\\|");
  }
  const [zero = "-", one = "-", two = "-"] = meanings;
  return [zero, one, two];
}
