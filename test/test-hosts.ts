import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Context,
  defaultCacheDir,
  isAlive,
  processIdentity,
  ToolchainError,
  withLock,
} from "../toolchain/context.ts";
import { type LocalHosts, removeHosts, requireHosts, startHosts } from "../toolchain/hosts/hosts.ts";

const context: Context = { cacheDir: defaultCacheDir(), say: console.warn };

/** The folder of a run's hosts names the process that they end with. */
const prefix = "ascend-pd-hosts-";

/** Why there can be no test hosts on this machine; undefined where there can be. */
export async function noTestHosts(): Promise<string | undefined> {
  return requireHosts(context).then(
    () => undefined,
    (error: Error) => {
      if (!(error instanceof ToolchainError)) throw error;
      return `${error.message}; fix: ${error.fix}`;
    },
  );
}

/** Hosts for this process. Those of test runs that were cut off go first. */
export async function testHosts(count: number): Promise<LocalHosts & { dispose(): Promise<void> }> {
  await withLock(context, "leftovers of test hosts", removeLeftovers);
  const folder = join(tmpdir(), prefix + (await processIdentity(process.pid)).replace(" ", "-"));
  const dispose = () => removeHosts(context, folder);
  try {
    return { ...(await startHosts(context, folder, count)), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix) || (await isAlive(name.slice(prefix.length).replace("-", " ")))) continue;
    await removeHosts(context, join(tmpdir(), name));
  }
}
