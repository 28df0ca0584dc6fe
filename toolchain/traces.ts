import { readdir, readFile, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Ids of the running programs called `name` that have a path below `folder` among their arguments. Zombies, which
 * have no command line, do not count.
 */
export async function processesUsing(folder: string, name: RegExp): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.map(Number).filter((_pid, index) => {
    const [program = "", ...args] = (commands[index] ?? "").split("\0");
    return name.test(basename(program)) && args.some((arg) => arg.startsWith(`${folder}/`));
  });
}

/** Ids of the other running processes that have `text` in their environment or arguments, if this user may look. */
export async function processesNaming(text: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry) && entry !== `${process.pid}`);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // The arguments too, since a program may have written its title over its environment, as sshd does.
      const files = ["environ", "cmdline"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8"));
      return (await Promise.allSettled(files)).some(
        (read) => read.status === "fulfilled" && read.value.includes(text),
      );
    }),
  );
  return pids.filter((_pid, index) => found[index]).map(Number);
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

/** What is mounted at or below `folders`, innermost first. */
export async function mountsBelow(folders: readonly string[]): Promise<string[]> {
  const paths = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""))
    .filter((mount) => paths.some((path) => `${mount}/`.startsWith(`${path}/`)))
    .reverse();
}

/** The kernel writes a space in a path as `\040`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
}
