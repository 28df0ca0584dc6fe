import { lstat, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, processIdentity } from "../system/processes.ts";

/** Makes a temporary folder whose name says which process it ends with, and that nobody can make before us. */
export async function folderOfThisRun(prefix: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `${prefix}${(await processIdentity(process.pid)).replace(" ", "-")}-`));
}

/** Those that were left by processes of this user that are gone. */
export async function foldersOfDeadRuns(prefix: string): Promise<string[]> {
  const dead: string[] = [];
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const [, pid, startTime] = /^(\d+)-(\d+)-\w+$/.exec(name.slice(prefix.length)) ?? [];
    const folder = join(tmpdir(), name);
    const found = await lstat(folder).catch(() => undefined);
    if (startTime === undefined || !found?.isDirectory() || found.uid !== process.geteuid?.()) continue;
    if (!(await isAlive(`${pid} ${startTime}`))) dead.push(folder);
  }
  return dead;
}
