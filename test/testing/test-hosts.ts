import { FixableError } from "../../problems/fixable-error.ts";
import { defaultCacheDir, withLock } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { type LocalHosts, removeHosts, requireHosts, startHosts } from "../../toolchain/local-hosts/hosts.ts";
import { folderOfThisRun, foldersOfDeadRuns } from "../folders-of-runs.ts";

const context: Context = { cacheDir: defaultCacheDir(), say: console.warn };
const prefix = "ascend-pd-hosts-";

/** Why there can be no test hosts on this machine; undefined where there can be. */
export async function noTestHosts(): Promise<string | undefined> {
  return requireHosts(context).then(
    () => undefined,
    (error: Error) => {
      if (!(error instanceof FixableError)) throw error;
      return `${error.message}; fix: ${error.fix}`;
    },
  );
}

/** Hosts for this process. Those of test runs that were cut off go first. */
export async function testHosts(
  count: number,
  ownFolders: readonly string[] = [],
): Promise<LocalHosts & { dispose(): Promise<void> }> {
  await withLock(context, "leftovers of test hosts", async () => {
    for (const folder of await foldersOfDeadRuns(prefix)) await removeHosts(context, folder);
  });
  const folder = await folderOfThisRun(prefix);
  const dispose = () => removeHosts(context, folder);
  try {
    return { ...(await startHosts(context, folder, count, ownFolders)), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
