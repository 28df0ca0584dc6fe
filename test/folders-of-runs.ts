import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, processIdentity } from "../toolchain/context.ts";

/** A temporary folder whose name says which process it ends with. */
export async function folderOfThisRun(prefix: string): Promise<string> {
  return join(tmpdir(), prefix + (await processIdentity(process.pid)).replace(" ", "-"));
}

/** Those that were left by processes that are gone. */
export async function foldersOfDeadRuns(prefix: string): Promise<string[]> {
  const dead: string[] = [];
  for (const name of await readdir(tmpdir())) {
    const [, pid, startTime] =
      /^(\d+)-(\d+)$/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : "") ?? [];
    if (startTime !== undefined && !(await isAlive(`${pid} ${startTime}`))) dead.push(join(tmpdir(), name));
  }
  return dead;
}
