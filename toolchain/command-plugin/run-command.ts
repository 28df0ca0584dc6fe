import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { capture, type Logging } from "./capture.ts";

/** One create, update or delete that the engine asked for. */
export interface Operation {
  /** Aborted when the engine cancels, or when the resource's custom timeout is over. */
  readonly signal: AbortSignal;
  /** Shows a line beside the resource while it is worked on. */
  status(line: string): Promise<void>;
}

export interface RunInputs {
  readonly dir?: string;
  readonly interpreter?: readonly string[];
  readonly stdin?: string;
  readonly logging?: Logging;
}

export type Output = { readonly stdout: string; readonly stderr: string };

/** Runs one command line to its end, with `environment` on top of this process's own; throws when it fails. */
export async function runCommand(
  command: string,
  { dir, interpreter = [], stdin = "", logging = "stdoutAndStderr" }: RunInputs,
  environment: Readonly<Record<string, string>>,
  operation: Operation,
): Promise<Output> {
  const [program = "", ...args] = [...(interpreter.length > 0 ? interpreter : ["/bin/sh", "-c"]), command];
  if (dir !== undefined && !statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw failure(`${dir} is not a directory`, command, "");
  }
  const child = spawn(program, args, {
    cwd: dir,
    env: { ...process.env, ...environment },
    // A process group of its own, so that a cancelled command ends with everything it started.
    detached: true,
  });
  const cancel = () => killGroup(child);
  operation.signal.addEventListener("abort", cancel);
  try {
    // A command may end without having read all of its input.
    child.stdin.on("error", () => {}).end(stdin);
    const [captured] = await Promise.all([
      capture(child.stdout, child.stderr, logging, operation.status),
      once(child, "close"),
    ]);
    if (child.exitCode === 0) {
      // One trailing newline is not part of an output.
      return { stdout: captured.stdout.replace(/\n$/, ""), stderr: captured.stderr.replace(/\n$/, "") };
    }
    const how = child.exitCode === null ? `signal: ${child.signalCode}` : `exit status ${child.exitCode}`;
    throw failure(operation.signal.aborted ? operation.signal.reason.message : how, command, captured.both);
  } finally {
    operation.signal.removeEventListener("abort", cancel);
  }
}

/** Says how a command ended that did not end well, and what it printed. */
function failure(how: string, command: string, printed: string): Error {
  return new Error(`${how}: running ${JSON.stringify(command)}:\n${printed}`);
}

function killGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Already gone.
  }
  // What left the group and still holds the pipes must not hold up the end of the command.
  child.stdout.destroy();
  child.stderr.destroy();
}
