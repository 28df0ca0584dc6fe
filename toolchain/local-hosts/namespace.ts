import { readdir, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { run, tryRun } from "../context.ts";
import { pathForRoot } from "../own-engine.ts";

/**
 * Network namespaces that are held by a file, wherever it lies. They are entered with `nsenter`: `ip netns exec`
 * would mount a /sys of its own, in which dockerd does not find its control groups.
 */

const env = () => ({ ...process.env, PATH: pathForRoot() });

export async function makeNamespace(file: string): Promise<void> {
  await writeFile(file, "");
  await run("unshare", [`--net=${file}`, "true"], { env: env() });
}

/** Runs a program in the namespace. */
export function inNamespace(file: string, command: readonly string[], input?: string): Promise<string> {
  return run("nsenter", [`--net=${file}`, ...command], { env: env(), ...(input !== undefined && { input }) });
}

/** Kills everything that lives in the namespace and gives it up; its interfaces go with it. */
export async function removeNamespace(file: string): Promise<void> {
  for (let pids = await processesIn(file); pids.length > 0; pids = await processesIn(file)) {
    for (const pid of pids) kill(pid);
    await sleep(50);
  }
  await tryRun("umount", ["--lazy", file], { env: env() });
}

async function processesIn(file: string): Promise<number[]> {
  const held = await stat(file).catch(() => undefined);
  if (held === undefined) return [];
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const namespaces = await Promise.all(pids.map((pid) => stat(`/proc/${pid}/ns/net`).catch(() => undefined)));
  return pids.map(Number).filter((_pid, index) => {
    const own = namespaces[index];
    return own !== undefined && own.ino === held.ino && own.dev === held.dev;
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
