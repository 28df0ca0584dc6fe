import { type SpawnOptions, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { type LockError, lock } from "./lock.mjs";
import { makeOwnFolder } from "./own-folder.ts";

/** What every part of the toolchain is given. */
export interface Context {
  /** Everything downloaded or built lives below; deleting it costs time, nothing else. */
  readonly cacheDir: string;
  /** Shows the user one line of progress. */
  readonly say: (line: string) => void;
}

/** Which way a part was obtained, for `--explain` and the log. */
export interface Choice {
  readonly part: string;
  readonly chosen: string;
  readonly why: string;
}

export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const fallback = join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ascend-pd");
  return resolve(env.ASCEND_PD_CACHE || fallback);
}

/**
 * The folder `<cacheDir>/<name>`, made by `make` if it is not there. `make` fills a temporary sibling that is
 * renamed when it is whole, so an interrupted run leaves nothing that a later one takes for finished; a second
 * process waits for the first instead of building beside it. `name` must carry the version.
 */
export async function cached(
  context: Context,
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  await openCache(context);
  const folder = join(context.cacheDir, name);
  if (await exists(folder)) return folder;
  return withLock(context, name.replaceAll("/", "-"), async () => {
    if (await exists(folder)) return folder;
    await mkdir(dirname(folder), { recursive: true });
    await removePartials(folder);
    const partial = await mkdtemp(`${folder}.partial-`);
    try {
      await make(partial);
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return folder;
  });
}

// The mark that backup programs know; it also tells our folder from one that must not be deleted.
const cacheMark = "CACHEDIR.TAG";

/** Makes the cache if it is not there; throws where somebody else could put programs into it. */
export async function openCache({ cacheDir }: Context): Promise<void> {
  await makeOwnFolder(cacheDir, "ASCEND_PD_CACHE");
  if ((await readdir(cacheDir)).length > 0) return;
  await writeFile(
    join(cacheDir, cacheMark),
    "Signature: 8a477f597d28d172789f06886806bc55\n# made by ascend-pd\n",
  );
}

/** Whether `cacheDir` holds only what this toolchain has put there. */
export function isCache({ cacheDir }: Context): Promise<boolean> {
  return exists(join(cacheDir, cacheMark));
}

/** What runs that were killed have left; only for the holder of the folder's lock. */
async function removePartials(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.partial-`)) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Runs `body` while no other process that uses this cache runs a body under the same name. */
export async function withLock<T>(context: Context, name: string, body: () => Promise<T>): Promise<T> {
  await openCache(context);
  return holding(context, join(context.cacheDir, "locks"), name, body);
}

/** `withLock` for what does not stand and fall with the cache; `folder` is one of this user's own, for locks alone. */
export async function holding<T>(
  { say }: Context,
  folder: string,
  name: string,
  body: () => Promise<T>,
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

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The full path of a program on PATH. */
export async function onPath(
  program: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(":").filter(Boolean)) {
    const candidate = join(folder, program);
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isFile() && (found.mode & 0o111) !== 0) return candidate;
  }
  return undefined;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, without a shell. Never throws for a non-zero exit; a missing program is code 127. */
export function tryRun(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string } = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    const { input, ...spawnOptions } = options;
    const child = spawn(command, args, { ...spawnOptions, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error) => resolve({ code: 127, stdout, stderr: `${stderr}${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    child.stdin?.on("error", () => {}).end(input ?? "");
  });
}

/** Like `tryRun`, but a non-zero exit is a FixableError that shows the end of what the program printed. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string; fix?: string } = {},
): Promise<string> {
  const { fix = "run the command by hand to see all of its output", ...rest } = options;
  const { code, stdout, stderr } = await tryRun(command, args, rest);
  if (code === 0) return stdout;
  const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-15).join("\n  ");
  throw new FixableError(`${command} ${args.join(" ")} ended with exit code ${code}\n  ${tail}`, fix);
}
