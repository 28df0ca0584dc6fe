import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { count } from "../problems/text.ts";
import { onPath, tryRun } from "../system/programs.ts";
import { cached } from "./cache.ts";
import type { Context } from "./context.ts";

/** Programs that are built from a Go module. */
export interface GoBuild {
  /** For people: what it makes. */
  readonly what: string;
  /** The module's folder. */
  readonly module: string;
  readonly packages: readonly string[];
  readonly tags?: readonly string[];
  /** About what it takes of processors where nothing is compiled yet. */
  readonly cpuMinutes: number;
  /** `importpath.variable=value` pairs that the linker sets. */
  readonly variables: readonly string[];
}

/** Below a module: files that take the place of those of the same path among all that it depends on. */
const LEFT_OUT = "_left-out";

/**
 * The folder of the built programs, each named like the last element of its package's path. Built once for each
 * content of the module's folder: `go.sum` pins every dependency, so the content decides the programs.
 */
export async function goBuild(context: Context, build: GoBuild): Promise<string> {
  return cached(context, await cacheName(build), (folder) => runGo(context, build, folder));
}

export async function isBuilt(context: Context, build: GoBuild): Promise<boolean> {
  return existsSync(join(context.cacheDir, await cacheName(build)));
}

async function cacheName({ module: folder, packages, variables, tags }: GoBuild): Promise<string> {
  const hash = createHash("sha256").update(
    JSON.stringify([packages, variables, tags, process.platform, process.arch]),
  );
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort())
    hash.update(`\n${file.slice(folder.length)}\n`).update(await readFile(file));
  return `go/${basename(packages[0] ?? folder)}-${hash.digest("hex").slice(0, 16)}`;
}

async function runGo(context: Context, build: GoBuild, folder: string): Promise<void> {
  const go = await onPath("go");
  if (go === undefined) {
    throw new FixableError(
      `${build.what} must be built from Go modules, and there is no go on PATH`,
      "install Go 1.21 or newer (it fetches the version it needs by itself) and put its bin folder on PATH",
    );
  }
  const started = Date.now();
  const say = (text: string) => context.say(`building ${build.what}: ${text}`);
  const cores = availableParallelism();
  const minutes = Math.ceil(build.cpuMinutes / cores);
  say(`takes about ${count(minutes, "minute")} on ${count(cores, "core")}, once`);
  // Go, left alone, would go on for minutes.
  const interrupted = new AbortController();
  const stop = () => interrupted.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  let compiled = 0;
  let packages = "";
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const clock = setInterval(() => say(`${seconds()} s${packages && `, ${compiled} of ${packages}`}`), 10_000);
  // A copy, since what it depends on is changed below it.
  const cwd = join(folder, "module");
  const runIn = async (args: readonly string[], onStderr?: (text: string) => void) => {
    const env = goEnvironment(process.env);
    const result = await tryRun(go, args, { cwd, env, signal: interrupted.signal, onStderr });
    if (interrupted.signal.aborted) {
      throw new FixableError(
        `building ${build.what} was interrupted`,
        "run it again: it goes on where it stopped",
      );
    }
    if (result.code !== 0) throw buildFailed(build, result.stderr);
    return result.stdout;
  };
  try {
    await cp(build.module, cwd, { recursive: true });
    if (existsSync(join(cwd, LEFT_OUT))) {
      await runIn(["mod", "vendor"]);
      await cp(join(cwd, LEFT_OUT), join(cwd, "vendor"), { recursive: true });
    }
    const tags = `-tags=${(build.tags ?? []).join(",")}`;
    const all = (await runIn(["list", "-deps", tags, ...build.packages])).trim().split("\n").length;
    packages = `${count(all, "package")} at most`;
    const linker = ["-s", "-w", ...build.variables.map((variable) => `-X ${variable}`)].join(" ");
    const flags = ["-trimpath", tags, `-ldflags=${linker}`, "-o", ".."];
    // It names each package that it compiles.
    await runIn(["build", "-v", ...flags, ...build.packages], (text) => {
      compiled += text.split("\n").length - 1;
    });
  } finally {
    clearInterval(clock);
    process.off("SIGINT", stop).off("SIGTERM", stop);
    await rm(cwd, { recursive: true, force: true });
  }
  say(`done in ${seconds()} s`);
}

/** What the user has set for other builds must not reach this one; where modules come from stays the user's. */
function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GOOS, GOARCH, ...kept } = env;
  // GOFLAGS is not left empty, because Go would then read it from the user's settings file.
  return { ...kept, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOWORK: "off", GO111MODULE: "on" };
}

function buildFailed(build: GoBuild, stderr: string): FixableError {
  // Between the names of packages that it compiles.
  const said = stderr.split("\n").filter((line) => /[ :]/.test(line));
  const tail = said.slice(-15).join("\n  ").trim();
  const fix = /requires go >=/.test(stderr)
    ? "install that version of Go, or let Go fetch it (unset GOTOOLCHAIN)"
    : "if modules could not be fetched, point GOPROXY at a Go module proxy that this machine reaches";
  return new FixableError(`${build.what} could not be built from Go modules\n  ${tail}`, fix);
}
