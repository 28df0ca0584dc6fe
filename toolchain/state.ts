import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * Where deployments live: Pulumi's local backend and the data of our own Docker Engine. Unlike the cache, what is
 * lost here is lost for good: records of what is deployed, containers, and images that only exist as built.
 */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  const fallback = join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "ascend-pd");
  return resolve(env.ASCEND_PD_STATE || fallback);
}
