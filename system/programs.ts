import { type SpawnOptions, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";

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

/** dockerd, containerd, runc and mount tools are here even when a user's PATH lacks the folders for root. */
export function pathForRoot(env: NodeJS.ProcessEnv = process.env): string {
  return `${env.PATH ?? ""}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

export const rootEnv = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: pathForRoot() });

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, without a shell. Never throws for a non-zero exit; a missing program is code 127. */
export function tryRun(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { input?: string; onStderr?: ((text: string) => void) | undefined } = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    const { input, onStderr, ...spawnOptions } = options;
    const child = spawn(command, args, { ...spawnOptions, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      onStderr?.(text);
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
