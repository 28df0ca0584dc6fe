import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FilePlan } from "../../planning/plan.ts";
import { UserError } from "../user-error.ts";

/**
 * Writes `files`, whose paths are names, into `folder`, which is made if it is not there. Each becomes visible
 * whole, and none before all are on the disk; a failure before that changes nothing. Ctrl-C waits until all is done.
 *
 * Anyone may read them: they hold no secret, and the container's ma-user is neither root nor in root's group.
 */
export function writeFiles(folder: string, files: readonly FilePlan[]): void {
  makeFolder(folder);
  const wait = () => {};
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, wait);
  let partial: string | undefined;
  const replaced: string[] = [];
  try {
    for (const { path } of files) refuseFolder(join(folder, path));
    // In the same folder, so that a rename cannot become a copy.
    partial = mkdtempSync(join(folder, ".ranktable-partial-"));
    for (const { path, content } of files) writeDurably(join(partial, path), content);
    for (const { path } of files) {
      renameSync(join(partial, path), join(folder, path));
      replaced.push(path);
    }
    syncFolder(folder);
  } catch (error) {
    throw error instanceof UserError ? error : writeError(folder, replaced, error as NodeJS.ErrnoException);
  } finally {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
    for (const signal of signals) process.off(signal, wait);
  }
}

/** Node's own `recursive` never ends where a folder is refused as if its parent were missing, as in /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
    chmodSync(folder, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw writeError(folder, [], error as Error);
  }
}

function writeDurably(path: string, content: string): void {
  const file = openSync(path, "wx");
  try {
    // After the umask, which may keep others out.
    fchmodSync(file, 0o644);
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** `docker run -v` makes a folder where a file that it should mount is missing. */
function refuseFolder(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new UserError(
    `${path} is a folder; a \`docker run -v\` may have made it when the file was missing
fix: stop the container that mounts it, then \`rmdir ${basename(path)}\` there`,
  );
}

const fixes: Readonly<Record<string, string>> = {
  EACCES: "choose a folder that you may write to, or run this as its owner",
  EROFS: "choose a folder on a file system that is not read-only",
  ENOSPC: "free some space, or choose another folder",
  EDQUOT: "free some of your quota, or choose another folder",
  ENOENT: "choose a folder that can be made",
  ENOTDIR: "choose a folder, not a file",
  EEXIST: "choose a folder, not a file",
};

function writeError(
  folder: string,
  replaced: readonly string[],
  { code = "", message }: NodeJS.ErrnoException,
): UserError {
  const done = replaced.length === 0 ? "nothing was written" : `only ${replaced.join(", ")} was written`;
  const fix = fixes[code] ?? "choose another folder";
  return new UserError(`${done} to ${folder}: ${message}\nfix: ${fix}`);
}

/** What was written where; before it is, also what. */
export function showFiles(folder: string, files: readonly FilePlan[], isDryRun: boolean): string {
  return files
    .map(({ path, content }) =>
      isDryRun ? `would write ${join(folder, path)}\n${content}` : `wrote ${join(folder, path)}`,
    )
    .join("\n");
}
