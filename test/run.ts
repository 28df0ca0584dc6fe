import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultHost } from "../docker/api.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { endProcessesNaming } from "../system/processes.ts";
import { defaultCacheDir } from "../toolchain/cache.ts";
import type { Context } from "../toolchain/context.ts";
import { findDockerEngine } from "../toolchain/docker-engine.ts";
import { goBuild } from "../toolchain/go-build.ts";
import { ensureToolchain } from "../toolchain/toolchain.ts";
import { endRun } from "./end-run.ts";
import { folderOfThisRun, foldersOfDeadRuns } from "./folders-of-runs.ts";
import { stopIdleEngine } from "./idle-engine.ts";
import { clusterPrograms } from "./kubernetes/testing/programs.ts";

// `npm test`: gets the tools that tests of the machine and end-to-end tests need, then runs all tests with them, and leaves
// no process behind however it ends. Unit tests alone need no tools, so for these none are looked for.
const context: Context = { cacheDir: defaultCacheDir(), say: (line) => console.log(`  ${line}`) };
// Only a run that has the engine can clear away what a run with it has left.
const runs = "ascend-pd-run-";
const unitRuns = "ascend-pd-unit-run-";

try {
  const ended = await run(process.argv.slice(2));
  if (typeof ended === "number") process.exitCode = ended;
  else {
    process.removeAllListeners(ended);
    process.kill(process.pid, ended);
  }
} catch (error) {
  if (!(error instanceof FixableError)) throw error;
  console.error(`${error.message}\nfix: ${error.fix}`);
  process.exitCode = 1;
}

/** Gives vitest's exit code, or the signal that ended the run. */
async function run(args: readonly string[]): Promise<number | NodeJS.Signals> {
  if (args[0] === "--project" && args[1] === "unit") return runTests(args, [unitRuns], process.env);
  const before = await findDockerEngine();
  const { env } = await ensureToolchain(context, { engine: true });
  const engine = env.DOCKER_HOST || process.env.DOCKER_HOST || defaultHost;
  // All of them together take minutes anyhow, so ten times as many random deployments are tried then.
  const slow = args.length === 0 ? { PROPERTY_RUNS: "10000" } : {};
  // The tests that need it wait for it, and the others leave it time.
  if (args.length === 0) void goBuild({ ...context, say: () => {} }, clusterPrograms).catch(() => {});
  const ended = await runTests(args, [runs, unitRuns], { ...slow, ...process.env, ...env }, engine);
  if (before === undefined) await stopIdleEngine(context, engine);
  return ended;
}

/** `own` and `others` are the prefixes of temporary folders, of this run and of dead ones that it clears away. */
async function runTests(
  args: readonly string[],
  [own, ...others]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  engine?: string,
): Promise<number | NodeJS.Signals> {
  for (const prefix of [own, ...others])
    for (const folder of await foldersOfDeadRuns(prefix)) await endRun(context, folder, engine);
  const folder = await folderOfThisRun(own);
  const vitest = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...args], {
    env: { ...env, TMPDIR: folder },
    stdio: "inherit",
  });
  let signal: NodeJS.Signals | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, async () => {
      if (signal === undefined) vitest.kill(name);
      signal ??= name;
      // It puts the terminal in order, and then may wait for what it has started.
      await sleep(1000);
      await endProcessesNaming(folder);
    });
  }
  const [code] = await once(vitest, "exit");
  await endRun(context, folder, engine);
  return signal ?? code ?? 1;
}
