import { type Operation, type Output, type RunInputs, runCommand } from "./run-command.ts";
import {
  boolean,
  list,
  oneOf,
  type Problem,
  problemsOf,
  string,
  stringMap,
  strings,
  uncovered,
} from "./shape.ts";
import type { PropertyMap } from "./values.ts";

export interface CommandInputs extends RunInputs {
  readonly create?: string;
  readonly update?: string;
  readonly delete?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly addPreviousOutputInEnv?: boolean;
}

const shapes = {
  create: string,
  update: string,
  delete: string,
  triggers: list,
  stdin: string,
  environment: stringMap,
  logging: oneOf("stdout", "stderr", "stdoutAndStderr", "none"),
  addPreviousOutputInEnv: boolean,
  dir: string,
  interpreter: strings,
  assetPaths: uncovered,
  archivePaths: uncovered,
};

/**
 * `command:local:Command`: command lines on the machine that runs the deployment. `create` runs once, `update` (or
 * `create` again) on a change of inputs, `delete` at the end. Its state is its inputs and its output; a create that
 * fails leaves nothing in the state.
 */
export const localCommand = {
  problems: (inputs: PropertyMap): Problem[] => problemsOf(inputs, shapes),
  create: (inputs: CommandInputs, operation: Operation) =>
    start(inputs.create, inputs, { stdout: "", stderr: "" }, operation),
  update: (inputs: CommandInputs, state: Output, operation: Operation) =>
    start(inputs.update ?? inputs.create, inputs, state, operation),
  delete: (state: CommandInputs & Output, operation: Operation) =>
    start(state.delete, state, state, operation),
};

async function start(
  command: string | undefined,
  inputs: CommandInputs,
  last: Output,
  operation: Operation,
): Promise<Output> {
  if (command === undefined) return { stdout: last.stdout, stderr: last.stderr };
  operation.signal.throwIfAborted();
  const previous = (inputs.addPreviousOutputInEnv ?? true) ? previousOutput(last) : {};
  return runCommand(command, inputs, { ...inputs.environment, ...previous }, operation);
}

/** What a command sees of the run before, in its environment. */
function previousOutput({ stdout, stderr }: Output): Record<string, string> {
  return {
    ...(stdout !== "" && { PULUMI_COMMAND_STDOUT: stdout }),
    ...(stderr !== "" && { PULUMI_COMMAND_STDERR: stderr }),
  };
}
