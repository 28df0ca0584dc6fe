import { readdir, readFile, realpath } from "node:fs/promises";
import { basename } from "node:path";

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
