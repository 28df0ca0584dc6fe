import { type ParseArgsConfig, parseArgs } from "node:util";
import { nearest } from "../problems/nearest.ts";
import { complain } from "./print.ts";
import { UserError } from "./user-error.ts";

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** What an operand names: a stack, a file, or one of some words. */
export type Operand = "stack" | "file" | readonly string[];

/** A subcommand of `ascend-pd`. */
export interface Command {
  /** For the overview: what it does, in a few words. */
  readonly summary: string;
  /** What `--help` prints: synopsis, options, examples, exit codes. */
  readonly usage: string;
  /** What it takes after a dash, and what without, of which the last may be repeated: for completion. */
  readonly options?: Options;
  readonly operands?: readonly Operand[];
  /** Commands of a word more, such as `ranktable gen`. */
  readonly subcommands?: Readonly<Record<string, Command>>;
  /** What follows it is for another program, a --help too unless it comes first. */
  readonly isPrefix?: true;
  /** Returns the exit code. What it throws is shown; a UserError is the user's mistake: exit code 2. */
  run(args: readonly string[]): Promise<number> | number;
}

/** The command that `args` begin with the name of, and the arguments that are left for it. */
export function findCommand(
  commands: Readonly<Record<string, Command>>,
  [name = "", ...args]: readonly string[],
): readonly [command: Command, args: readonly string[]] | undefined {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command && (findCommand(command.subcommands ?? {}, args) ?? [command, args]);
}

/** Runs a command whose exit code 2 says something else: a user's mistake ends it with 1. */
export function mistakesEndWith1(run: Command["run"]): Command["run"] {
  return async (args) => {
    try {
      return await run(args);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      complain(`error: ${error.message}`);
      return 1;
    }
  };
}

/**
 * What stands after a dash, and what without; `tokens` are both in their order. Throws a UserError that ends with what was
 * meant, or else with the way to the help.
 */
export const parseOptions = <T extends Options>(args: readonly string[], options: T) =>
  orMistake(options, () => parseArgs({ args: [...args], options, allowPositionals: true, tokens: true }));

/** The same of a command that takes nothing without a dash. */
export const parseFlags = <T extends Options>(args: readonly string[], options: T) =>
  orMistake(options, () => parseArgs({ args: [...args], options }));

function orMistake<T>(options: Options, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    // Node goes on with how to pass a file name that looks like an option.
    const [complaint = ""] = (error as Error).message.split(/\. (?=To specify)/);
    const unknown = /^Unknown option '--([^']+)'/.exec(complaint)?.[1] ?? "";
    const meant = nearest(unknown, Object.keys(options));
    throw new UserError(
      `${complaint}\nfix: ${meant === undefined || unknown === "" ? "--help shows what there is" : `did you mean --${meant}?`}`,
    );
  }
}

/** The one operand that a command takes; `name` is what the usage calls it. */
export function oneOperand([operand, ...others]: readonly string[], name: string): string {
  if (operand === undefined) throw new UserError(`${name} is missing\nfix: --help shows what there is`);
  if (others.length > 0) throw new UserError(`one ${name} too many: ${others.join(" ")}`);
  return operand;
}
