import type { Stats } from "node:fs";
import { lstat, mkdir, stat } from "node:fs/promises";
import { FixableError } from "../problems/fixable-error.ts";

/** The variable that names another folder, for the fix. */
export type FolderVariable = "ASCEND_PD_CACHE" | "ASCEND_PD_STATE";

/** Makes `folder`, for this user alone, if it is not there. Throws where it is not this user's own. */
export async function makeOwnFolder(folder: string, variable: FolderVariable): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(({ message }: Error) => {
    throw new FixableError(`${folder} cannot be made: ${message}`, elsewhere(variable));
  });
  await requireOwnFolder(folder, variable);
}

/**
 * Throws where somebody else could decide what `folder` holds: programs that run as this user come from it, and the
 * records of what is deployed. A folder that is not there is nobody's; a link of this user's own may lead to it.
 */
export async function requireOwnFolder(folder: string, variable: FolderVariable): Promise<void> {
  const refused = (why: string, fix = elsewhere(variable)) => new FixableError(`${folder} ${why}`, fix);
  const look = (ask: (path: string) => Promise<Stats>) =>
    ask(folder).catch(({ code, message }: NodeJS.ErrnoException) => {
      if (code !== "ENOENT") throw refused(`cannot be used: ${message}`);
      return undefined;
    });
  const [link, found] = [await look(lstat), await look(stat)];
  if (link === undefined || found === undefined) return;
  const user = process.geteuid?.() ?? found.uid;
  const owner = [link.uid, found.uid].find((uid) => uid !== user);
  if (owner !== undefined) {
    throw refused(
      `belongs to the user with id ${owner}, and this runs as the one with id ${user}`,
      `${ownersFix(owner, user, folder)}; or ${elsewhere(variable)}`,
    );
  }
  if (!found.isDirectory()) throw refused("is no folder");
  if ((found.mode & 0o022) !== 0) {
    throw refused(
      `can be written by other users (mode ${(found.mode & 0o7777).toString(8)})`,
      `chmod 700 ${folder}, if nobody else has put anything there; or ${elsewhere(variable)}`,
    );
  }
}

function ownersFix(owner: number, user: number, folder: string): string {
  if (user === 0) return "run this as that user, without sudo";
  if (owner === 0) return `if it is there because sudo was used, sudo chown -R ${user} ${folder}`;
  return "run this as that user";
}

function elsewhere(variable: FolderVariable): string {
  return `set ${variable} to a folder of your own`;
}
