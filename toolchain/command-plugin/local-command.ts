import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { capture } from "./capture.ts";
import { type CommandInputs, commandFailure, commandResource, outputOf, type Run } from "./command.ts";
import { optional, string, strings, uncovered } from "./shape.ts";

type LocalInputs = CommandInputs & {
  readonly dir?: string;
  readonly interpreter?: readonly string[];
};

/** `command:local:Command`: a command line on the machine that runs the deployment. */
export const localCommand = commandResource<LocalInputs>(
  {
    dir: optional(string),
    interpreter: optional(strings),
    assetPaths: uncovered,
    archivePaths: uncovered,
  },
  (inputs) => inputs,
  runLocally,
);

async function runLocally(...[command, inputs, variables, operation]: Parameters<Run<LocalInputs>>) {
  const interpreter = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
  const [program = "", ...args] = [...interpreter, command];
  if (inputs.dir !== undefined && !statSync(inputs.dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw commandFailure(`${inputs.dir} is not a directory`, command, "");
  }
  const child = spawn(program, args, {
    cwd: inputs.dir,
    env: { ...process.env, ...variables.given, ...variables.previous },
    // A process group of its own, so that a cancelled command ends with everything it started.
    detached: true,
  });
  const cancel = () => killGroup(child);
  operation.signal.addEventListener("abort", cancel);
  try {
    // A command may end without having read all of its input.
    child.stdin.on("error", () => {}).end(inputs.stdin ?? "");
    const [captured] = await Promise.all([
      capture(child.stdout, child.stderr, inputs.logging ?? "stdoutAndStderr", operation),
      once(child, "close"),
    ]);
    if (child.exitCode === 0) return outputOf(captured);
    const how = child.exitCode === null ? `signal: ${child.signalCode}` : `exit status ${child.exitCode}`;
    throw commandFailure(
      operation.signal.aborted ? operation.signal.reason.message : how,
      command,
      captured.both,
    );
  } finally {
    operation.signal.removeEventListener("abort", cancel);
  }
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
