import { join } from "node:path";
import { isClone, repositoryDir } from "../../toolchain/repository.ts";
import { usage } from "../../toolchain/usage.ts";
import type { Command } from "../command.ts";

export const pulumi: Command = {
  summary: "run Pulumi, with what this project needs of it",
  usage: `usage: ascend-pd pulumi ARGS...

Runs pulumi with ARGS. The CLI, its plugins and Node 24 are those that this machine has, else they are obtained first. A
Docker Engine that \`ascend-pd toolchain\` has obtained is used; none is started.

examples:
  ascend-pd pulumi stack select --create prod
  ascend-pd pulumi preview --stack prod
  ascend-pd pulumi up --stack prod

exit codes: 0 done, 1 a part could not be obtained; otherwise pulumi's own`,
  isPrefix: true,
  run: (args) => become(["exec", "pulumi", ...args]),
};

export const toolchain: Command = {
  summary: "obtain Pulumi, its plugins, a Docker Engine and the Node image",
  usage,
  isPrefix: true,
  run: become,
};

/** The toolchain's own command takes this process over, so that signals, the terminal and the exit code are its own. */
function become(args: readonly string[]): never {
  const main = join(repositoryDir, "toolchain", isClone ? "main.ts" : "main.js");
  const { execve } = process;
  if (execve === undefined) throw new Error("this Node cannot be replaced by another program");
  return execve.call(
    process,
    process.execPath,
    [process.execPath, main, ...args],
    process.env as NodeJS.Dict<string>,
  );
}
