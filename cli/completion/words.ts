import type { Command, Operand } from "../command.ts";

/** What may follow a command's name. */
export interface Words {
  /** `ranktable gen`; empty for `ascend-pd` itself. */
  readonly path: string;
  readonly summary: string;
  /** With their dashes. */
  readonly flags: readonly string[];
  /** Those of them that take a value, and of these those whose value is a stack. */
  readonly valued: readonly string[];
  readonly operands: readonly Operand[];
}

/** Of all commands, those of a word first. */
export function wordsOf(commands: Readonly<Record<string, Command>>, path: readonly string[] = []): Words[] {
  const names = Object.keys(commands);
  const own =
    path.length > 0 ? [] : [{ path: "", summary: "", flags: ["--help"], valued: [], operands: [names] }];
  return [...own, ...names.flatMap((name) => of(commands[name], [...path, name]))];
}

function of(command: Command | undefined, path: readonly string[]): Words[] {
  if (command === undefined) return [];
  const { summary, options = {}, operands = [], subcommands } = command;
  const flags = Object.entries(options).flatMap(([name, { short }]) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  const valued = Object.entries(options).flatMap(([name, { type }]) =>
    type === "string" ? [`--${name}`] : [],
  );
  const words: Words = {
    path: path.join(" "),
    summary,
    flags: [...flags, "--help"],
    valued,
    operands: subcommands === undefined ? operands : [Object.keys(subcommands)],
  };
  return [words, ...(subcommands === undefined ? [] : wordsOf(subcommands, path))];
}
