import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { onPath, tryRun } from "../system/programs.ts";
import { cached } from "./cache.ts";
import type { Context } from "./context.ts";

/** Programs that are built from one of the Go modules in toolchain/go. */
export interface GoBuild {
  /** For people: what it makes. */
  readonly what: string;
  /** The module's folder; a relative one is below toolchain/go. */
  readonly module: string;
  readonly packages: readonly string[];
  /** `importpath.variable=value` pairs that the linker sets. */
  readonly variables: readonly string[];
}

const modulesDir = join(import.meta.dirname, "go");

/**
 * The folder of the built programs, each named like the last element of its package's path. Built once for each
 * content of the module's folder: `go.sum` pins every dependency, so the content decides the programs.
 */
export async function goBuild(context: Context, build: GoBuild, progress = ""): Promise<string> {
  return cached(context, await cacheName(build), (folder) => runGo(context, build, folder, progress));
}

export async function isBuilt(context: Context, build: GoBuild): Promise<boolean> {
  return existsSync(join(context.cacheDir, await cacheName(build)));
}

async function cacheName(build: GoBuild): Promise<string> {
  const hash = createHash("sha256").update(
    JSON.stringify([build.packages, build.variables, process.platform, process.arch]),
  );
  const folder = resolve(modulesDir, build.module);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort())
    hash.update(`\n${file.slice(folder.length)}\n`).update(await readFile(file));
  return `go/${basename(build.module)}-${hash.digest("hex").slice(0, 16)}`;
}

async function runGo(context: Context, build: GoBuild, folder: string, progress: string): Promise<void> {
  const go = await onPath("go");
  if (go === undefined) {
    throw new FixableError(
      `${build.what} must be built from Go modules, and there is no go on PATH`,
      "install Go 1.21 or newer (it fetches the version it needs by itself) and put its bin folder on PATH",
    );
  }
  const started = Date.now();
  const say = (text: string) => context.say(`building ${build.what}${progress}: ${text}`);
  say("takes minutes, is done once");
  // Go, left alone, would go on for minutes.
  const interrupted = new AbortController();
  const stop = () => interrupted.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const clock = setInterval(() => say(`${Math.round((Date.now() - started) / 1000)} s`), 10_000);
  const linker = ["-s", "-w", ...build.variables.map((variable) => `-X ${variable}`)].join(" ");
  const args = ["build", "-mod=readonly", "-trimpath", `-ldflags=${linker}`, "-o", `${folder}/`];
  try {
    const cwd = resolve(modulesDir, build.module);
    const result = await tryRun(go, [...args, ...build.packages], {
      cwd,
      env: goEnvironment(process.env),
      signal: interrupted.signal,
    });
    if (interrupted.signal.aborted) {
      throw new FixableError(
        `building ${build.what} was interrupted`,
        "run it again: it goes on where it stopped",
      );
    }
    if (result.code !== 0) throw buildFailed(build, result.stderr);
  } finally {
    clearInterval(clock);
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
  say(`done in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** What the user has set for other builds must not reach this one; where modules come from stays the user's. */
function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GOOS, GOARCH, ...kept } = env;
  // GOFLAGS is not left empty, because Go would then read it from the user's settings file.
  return { ...kept, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOWORK: "off", GO111MODULE: "on" };
}

function buildFailed(build: GoBuild, stderr: string): FixableError {
  const tail = stderr.trim().split("\n").slice(-15).join("\n  ");
  const fix = /requires go >=/.test(stderr)
    ? "install that version of Go, or let Go fetch it (unset GOTOOLCHAIN)"
    : "if modules could not be fetched, point GOPROXY at a Go module proxy that this machine reaches";
  return new FixableError(`${build.what} could not be built from Go modules\n  ${tail}`, fix);
}
