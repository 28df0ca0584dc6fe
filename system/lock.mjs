// Plain JavaScript, because bootstrap.mjs needs it before there is a Node that runs TypeScript.
import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";

/**
 * Waits until no other process has the lock that is the file `path`, and takes it; gives what gives it back. The
 * kernel ties it to this process's open file, so it goes with its process, and there is no stale lock to judge. Who can
 * open the file can have the lock for ever: it is for this user alone, and belongs in a folder of this user's own.
 * @param {string} path
 * @param {() => void} onWait
 * @returns {Promise<() => void>}
 */
export async function lock(path, onWait) {
  for (let waits = false; ; ) {
    const file = opened(path);
    if (isLocked(file) && isStillAt(path, file)) return () => closeSync(file);
    closeSync(file);
    if (!waits) onWait();
    waits = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** @typedef {Error & { fix: string }} LockError what `lock` rejects with */

function opened(path) {
  const { O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  try {
    return openSync(path, O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
  } catch ({ message }) {
    throw failure(`the lock cannot be opened: ${message}`, `rm ${path}, as the user it belongs to`);
  }
}

/** Node cannot lock a file itself; the lock that a child takes on the same open file is ours, and stays when it ends. */
function isLocked(file) {
  const stdio = ["ignore", "ignore", "pipe", file];
  const env = { PATH: `${process.env.PATH}:/usr/bin:/bin` };
  const { error, status, stderr } = spawnSync("flock", ["-x", "-n", "3"], { stdio, env, encoding: "utf8" });
  if (error) throw failure(`flock cannot be run: ${error.message}`, "install util-linux, which has it");
  if (status > 1) throw failure(`flock: ${stderr.trim()}`, "use a folder on a file system that has locks");
  return status === 0;
}

function failure(message, fix) {
  return Object.assign(new Error(message), { fix });
}

/** Where the folder was deleted meanwhile, another process may have made the file, and the lock, anew. */
function isStillAt(path, file) {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(file).ino;
}
