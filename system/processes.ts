import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** `<pid> <start time>`: process ids are used again, the pair is not. No start time: it is dead, if not yet buried. */
export async function processIdentity(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return `${pid} ${fields[0] === "Z" ? "" : (fields[19] ?? "")}`;
}

/** Whether the process that `processIdentity` named still runs. */
export async function isAlive(identity: string): Promise<boolean> {
  const [pid, startTime] = identity.split(" ");
  return Boolean(startTime) && (await processIdentity(Number(pid))) === identity;
}

/** What has ended by itself meanwhile is left alone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export async function runningPids(): Promise<number[]> {
  return (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
}

/**
 * Ids of the running programs called `name` that have a path below `folder` among their arguments. Zombies, which
 * have no command line, do not count.
 */
export async function processesUsing(folder: string, name: RegExp): Promise<number[]> {
  const pids = await runningPids();
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter((_pid, index) => {
    const [program = "", ...args] = (commands[index] ?? "").split("\0");
    return name.test(basename(program)) && args.some((arg) => arg.startsWith(`${folder}/`));
  });
}

/** Ids of the other running processes that have `text` in their environment or arguments, if this user may look. */
export async function processesNaming(text: string): Promise<number[]> {
  const pids = (await runningPids()).filter((pid) => pid !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // The arguments too, since a program may have written its title over its environment, as sshd does.
      const files = ["environ", "cmdline"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8"));
      return (await Promise.allSettled(files)).some(
        (read) => read.status === "fulfilled" && read.value.includes(text),
      );
    }),
  );
  return pids.filter((_pid, index) => found[index]);
}

/** Ends those processes, and what they start meanwhile; gives how many there were. */
export async function endProcessesNaming(text: string): Promise<number> {
  const ended = new Set<number>();
  const start = performance.now();
  for (let pids = await processesNaming(text); pids.length > 0; pids = await processesNaming(text)) {
    // One that hangs in the kernel, or is another user's, does not go.
    if (performance.now() - start > 10_000) break;
    for (const pid of pids) {
      ended.add(pid);
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await sleep(20);
  }
  return ended.size;
}
