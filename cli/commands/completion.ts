import { type Command, oneOperand, parseOptions } from "../command.ts";
import { bashScript, zshScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { type Words, wordsOf } from "../completion/words.ts";
import { print } from "../print.ts";
import { UserError } from "../user-error.ts";

const shells: Readonly<Record<string, (all: readonly Words[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** `all` are the commands that it completes, itself among them. */
export function completionOf(all: () => Readonly<Record<string, Command>>): Command {
  return {
    summary: "print a script that completes commands, options and stacks in your shell",
    usage: `usage: ascend-pd completion SHELL

Prints a script for bash, zsh or fish that completes ascend-pd's commands, options, and the names of the stacks of the
folder that you are in. \`npm link\`, once in the folder of the project, puts ascend-pd itself on your PATH.

examples:
  source <(ascend-pd completion bash)      # in ~/.bashrc
  source <(ascend-pd completion zsh)       # in ~/.zshrc
  ascend-pd completion fish | source       # in ~/.config/fish/config.fish

exit codes: 0 printed, 2 the command line is wrong`,
    operands: [Object.keys(shells)],
    run(args) {
      const { positionals } = parseOptions(args, {});
      const shell = oneOperand(positionals, "SHELL");
      const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
      if (script === undefined) {
        throw new UserError(
          `there is no script for "${shell}"\nfix: one of: ${Object.keys(shells).join(", ")}`,
        );
      }
      print(script(wordsOf(all())).trimEnd());
      return 0;
    },
  };
}
