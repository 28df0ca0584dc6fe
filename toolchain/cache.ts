import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { holding } from "../system/holding.ts";
import type { Context } from "./context.ts";
import { makeOwnFolder } from "./own-folder.ts";

export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const fallback = join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ascend-pd");
  return resolve(env.ASCEND_PD_CACHE || fallback);
}

/**
 * The folder `<cacheDir>/<name>`, made by `make` if it is not there. `make` fills a temporary sibling that is
 * renamed when it is whole, so an interrupted run leaves nothing that a later one takes for finished; a second
 * process waits for the first instead of building beside it. `name` must carry the version.
 */
export async function cached(
  context: Context,
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  await openCache(context);
  const folder = join(context.cacheDir, name);
  if (existsSync(folder)) return folder;
  return withLock(context, name.replaceAll("/", "-"), async () => {
    if (existsSync(folder)) return folder;
    await mkdir(dirname(folder), { recursive: true });
    await removePartials(folder);
    const partial = await mkdtemp(`${folder}.partial-`);
    try {
      await make(partial);
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return folder;
  });
}

/** Where Node keeps what it has made of our programs: those that an `up` starts by the dozen start in a third of the time. */
export const compiledIn = ({ cacheDir }: Context): string => join(cacheDir, compiled);

const compiled = "compiled";

// The mark that backup programs know; it also tells our folder from one that must not be deleted.
const cacheMark = "CACHEDIR.TAG";

/** Makes the cache if it is not there; throws where somebody else could put programs into it. */
export async function openCache({ cacheDir }: Context): Promise<void> {
  await makeOwnFolder(cacheDir, "ASCEND_PD_CACHE");
  // Node makes its part anew where a program goes on while the cache is deleted.
  if ((await readdir(cacheDir)).some((name) => name !== compiled)) return;
  await writeFile(
    join(cacheDir, cacheMark),
    "Signature: 8a477f597d28d172789f06886806bc55\n# made by ascend-pd\n",
  );
}

/** Whether `cacheDir` holds only what this toolchain has put there. */
export function isCache({ cacheDir }: Context): boolean {
  return existsSync(join(cacheDir, cacheMark));
}

/** What runs that were killed have left; only for the holder of the folder's lock. */
async function removePartials(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.partial-`)) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Runs `body` while no other process that uses this cache runs a body under the same name. */
export async function withLock<T>(context: Context, name: string, body: () => Promise<T>): Promise<T> {
  await openCache(context);
  return holding(join(context.cacheDir, "locks"), name, body, context.say);
}
