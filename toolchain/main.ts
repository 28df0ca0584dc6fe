import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { defaultHost } from "../docker/api.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { visibleLines } from "../problems/text.ts";
import { onPath, tryRun } from "../system/programs.ts";
import { defaultCacheDir, isCache } from "./cache.ts";
import type { Choice, Context } from "./context.ts";
import { ensureDockerEngine, stopDockerEngine } from "./docker-engine.ts";
import { requireOwnFolder } from "./own-folder.ts";
import { stateDir } from "./state.ts";
import { ensureToolchain } from "./toolchain.ts";
import { usage } from "./usage.ts";
import { ensureVllmImage } from "./vllm/image.ts";

interface Options {
  readonly engine: boolean | undefined;
  readonly explain: boolean;
  readonly json: boolean;
}

// Tools, engines and registries may have said a part of it.
const print = (text: string): void => console.log(visibleLines(text));
const complain = (text: string): void => console.error(visibleLines(text));

/** A mistake on the command line; exit code 2. */
class UsageError extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const start = args.findIndex((arg) => !arg.startsWith("-"));
  const flags = start === -1 ? args : args.slice(0, start);
  const [command, ...operands] = start === -1 ? ["ensure"] : args.slice(start);
  const known = ["--engine", "--no-engine", "--explain", "--json", "--help"];
  const unknown = flags.find((flag) => !known.includes(flag));
  if (unknown !== undefined) throw new UsageError(`${unknown} is no option`);
  if (flags.includes("--help") || (operands[0] === "--help" && command !== "exec")) return print(usage);
  if (command !== "exec" && operands.length > 0) throw new UsageError(`${command} takes no ${operands[0]}`);

  const options: Options = {
    engine: flags.includes("--engine") ? true : flags.includes("--no-engine") ? false : undefined,
    explain: flags.includes("--explain"),
    json: flags.includes("--json"),
  };
  // Progress goes to the error output: what a program under exec prints stays its own.
  const context: Context = { cacheDir: defaultCacheDir(), say: (line) => complain(`  ${line}`) };
  if (command === "ensure") return ensure(context, options);
  if (command === "exec") return exec(context, options, operands);
  if (command === "vllm-image") return vllmImage(context, options);
  if (command === "where") return where(context, options);
  if (command === "clean") return clean(context);
  throw new UsageError(`${command} is no command`);
}

async function ensure(context: Context, { engine, explain, json }: Options): Promise<void> {
  const toolchain = await ensureToolchain(context, { engine: engine ?? true });
  if (json) return print(JSON.stringify(toolchain, undefined, 2));
  for (const choice of toolchain.choices) print(describe(choice, explain));
}

async function exec(
  context: Context,
  { engine, explain }: Options,
  operands: readonly string[],
): Promise<void> {
  const [program, ...args] = operands;
  if (program === undefined) throw new UsageError("exec needs a program");
  const toolchain = await ensureToolchain(context, { engine: engine ?? "if obtained" });
  if (explain) for (const choice of toolchain.choices) context.say(describe(choice, true));
  const env = { ...process.env, ...toolchain.env };
  const file = program.includes("/") ? program : await onPath(program, env);
  if (file === undefined || !existsSync(file)) {
    complain(`error: there is no ${program}\n  fix: check the name; looked for on ${env.PATH}`);
    process.exitCode = 127;
    return;
  }
  // The program takes this process over, so that signals, the terminal and the exit code are its own.
  process.execve?.(file, [program, ...args], env);
}

async function vllmImage(context: Context, { explain }: Options): Promise<void> {
  const { env } = await ensureDockerEngine(context);
  const engine = env.DOCKER_HOST || process.env.DOCKER_HOST || defaultHost;
  print(describe(await ensureVllmImage(context, engine), explain));
}

async function where(context: Context, { json }: Options): Promise<void> {
  const folders = { cache: context.cacheDir, state: stateDir() };
  if (json) return print(JSON.stringify(folders, undefined, 2));
  print(`cache  ${folders.cache}  (deleting it costs time, nothing else)`);
  print(`state  ${folders.state}  (records of what is deployed, data of our own Docker Engine)`);
}

async function clean(context: Context): Promise<void> {
  if (!existsSync(context.cacheDir)) return print(`there is no ${context.cacheDir}`);
  await requireOwnFolder(context.cacheDir, "ASCEND_PD_CACHE");
  if (!isCache(context)) {
    throw new FixableError(
      `${context.cacheDir} was not made by this toolchain, so it is not deleted`,
      "point ASCEND_PD_CACHE at a folder of its own, or delete it by hand",
    );
  }
  if ((await stopDockerEngine(context)) === "stopped") print("stopped our own Docker Engine");
  const size = await sizeOf(context.cacheDir);
  await rm(context.cacheDir, { recursive: true });
  print(`deleted ${context.cacheDir} (${Math.round(size / 1e6)} MB); kept ${stateDir()}`);
}

async function sizeOf(folder: string): Promise<number> {
  const { stdout } = await tryRun("du", ["-sk", folder]);
  return Number.parseInt(stdout, 10) * 1024;
}

function describe({ part, chosen, why }: Choice, explain: boolean): string {
  return `${part.padEnd(24)}${chosen}${explain ? `\n${" ".repeat(24)}because ${why}` : ""}`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    complain(`error: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else if (error instanceof FixableError) {
    complain(`error: ${error.message}\n  fix: ${error.fix}`);
    process.exitCode = 1;
  } else {
    throw error;
  }
});
