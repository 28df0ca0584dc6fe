import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { run } from "../../system/programs.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { ensureToolchain } from "../../toolchain/toolchain.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { recoverStack } from "../recover.ts";

export const recover: Command = {
  summary: "clear what a killed `pulumi` has left, so that the next `up` converges",
  usage: `usage: ascend-pd recover STACK

Clears the lock of a pulumi of this machine that is gone, and removes containers that were being created when it died:
they exist, but Pulumi does not know them. A pulumi that still works is waited for. Containers that Pulumi does not
name as interrupted, or that lack this stack's label, are never touched. With a backend other than a folder, clear the
lock with \`pulumi cancel\` first.

example:
  ascend-pd recover 2p2d && ascend-pd pulumi up --stack 2p2d

exit codes: 0 done, or nothing to do; 1 it failed; 2 the command line is wrong`,
  operands: ["stack"],
  async run(args) {
    const { positionals } = parseOptions(args, {});
    const name = oneOperand(positionals, "STACK");
    await recovered(name);
    return 0;
  },
};

async function recovered(name: string): Promise<void> {
  const context: Context = { cacheDir: defaultCacheDir(), say: complain };
  const env = { ...process.env, ...(await ensureToolchain(context, { engine: false })).env };
  const { url } = JSON.parse(await run("pulumi", ["whoami", "--json"], { env }));
  const said: string[] = [];
  const say = (line: string) => {
    said.push(line);
    print(line);
  };
  await recoverStack({ name, args: ["--stack", name], env, backend: folderOf(url) }, say);
  if (said.length === 0) print(`nothing of ${name} was interrupted`);
}

/** The folder of a backend that is one: `file:///path?metadata=skip`, or `file://~` of `pulumi login --local`. */
function folderOf(url: string): string | undefined {
  const [address = ""] = url.split("?");
  if (address.startsWith("file://~")) return address.replace("file://~", homedir());
  return address.startsWith("file://") ? fileURLToPath(address) : undefined;
}
