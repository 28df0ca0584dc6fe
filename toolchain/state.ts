import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { makeOwnFolder } from "./own-folder.ts";

/**
 * Where deployments live: Pulumi's local backend and the data of our own Docker Engine. Unlike the cache, what is
 * lost here is lost for good: records of what is deployed, containers, and images that only exist as built.
 */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  const fallback = join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "ascend-pd");
  return resolve(env.ASCEND_PD_STATE || fallback);
}

/** Makes that folder if it is not there, and gives it; throws where somebody else could write into it. */
export async function openState(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const folder = stateDir(env);
  await makeOwnFolder(folder, "ASCEND_PD_STATE");
  return folder;
}

/**
 * The URL of Pulumi's local backend in `folder`. The backend replaces each file whole, but not the file of attributes
 * that it keeps beside it: a `pulumi` that is killed while it writes that one could never read the stack again. So it
 * is told to keep no attributes, which nothing reads.
 */
export function localBackend(folder: string): string {
  return `${pathToFileURL(folder).href}?metadata=skip`;
}
