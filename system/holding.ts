import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { type LockError, lock } from "./lock.mjs";

/**
 * Runs `body` while no other process runs a body under the same name. `folder` is one of this user's own, for locks
 * alone; `say` is told when there is somebody to wait for.
 */
export async function holding<T>(
  folder: string,
  name: string,
  body: () => Promise<T>,
  say: (line: string) => void,
): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const wait = () => say(`waiting for another run that prepares ${name}`);
  const release = await lock(join(folder, key), wait).catch(({ message, fix }: LockError) => {
    throw new FixableError(message, fix);
  });
  try {
    return await body();
  } finally {
    release();
  }
}
