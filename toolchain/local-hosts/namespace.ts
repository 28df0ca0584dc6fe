import { stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { runningPids, signal } from "../../system/processes.ts";
import { rootEnv, run, tryRun } from "../../system/programs.ts";

/**
 * Network namespaces that are held by a file, wherever it lies. They are entered with `nsenter`: `ip netns exec`
 * would mount a /sys of its own, in which dockerd does not find its control groups.
 */

export async function makeNamespace(file: string): Promise<void> {
  await writeFile(file, "");
  await run("unshare", [`--net=${file}`, "true"], { env: rootEnv() });
}

/** Runs a program in the namespace. */
export function inNamespace(file: string, command: readonly string[], input?: string): Promise<string> {
  return run("nsenter", [`--net=${file}`, ...command], {
    env: rootEnv(),
    ...(input !== undefined && { input }),
  });
}

/** Kills everything that lives in the namespace and gives it up; its interfaces go with it. */
export async function removeNamespace(file: string): Promise<void> {
  for (let pids = await processesIn(file); pids.length > 0; pids = await processesIn(file)) {
    for (const pid of pids) signal(pid, "SIGKILL");
    await sleep(50);
  }
  await tryRun("umount", ["--lazy", file], { env: rootEnv() });
}

async function processesIn(file: string): Promise<number[]> {
  const held = await stat(file).catch(() => undefined);
  if (held === undefined) return [];
  const pids = await runningPids();
  const namespaces = await Promise.all(pids.map((pid) => stat(`/proc/${pid}/ns/net`).catch(() => undefined)));
  return pids.filter((_pid, index) => {
    const own = namespaces[index];
    return own !== undefined && own.ino === held.ino && own.dev === held.dev;
  });
}
