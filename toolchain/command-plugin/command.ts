import type { Captured, Logging } from "./capture.ts";
import type { Operation, Resource } from "./resource.ts";
import { boolean, list, map, oneOf, optional, problemsOf, type Shape, string, stringMap } from "./shape.ts";
import type { PropertyMap, Value } from "./values.ts";

/** What `local.Command` and `remote.Command` have in common. */
export type CommandInputs = {
  readonly create?: string;
  readonly update?: string;
  readonly delete?: string;
  readonly triggers?: readonly Value[];
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly logging?: Logging;
  readonly addPreviousOutputInEnv?: boolean;
};

export type Output = { readonly stdout: string; readonly stderr: string };

/** Runs one command line to its end; throws when it fails. */
export type Run<Inputs> = (
  command: string,
  inputs: Inputs,
  variables: Variables,
  operation: Operation,
) => Promise<Output>;

/** Environment of a command: what the program gave, and what the previous run printed. */
export interface Variables {
  readonly given: Readonly<Record<string, string>>;
  readonly previous: Readonly<Record<string, string>>;
}

export const commandShapes = {
  create: optional(string),
  update: optional(string),
  delete: optional(string),
  triggers: optional(list),
  stdin: optional(string),
  environment: optional(stringMap),
  logging: optional(oneOf("stdout", "stderr", "stdoutAndStderr", "none")),
  addPreviousOutputInEnv: optional(boolean),
};

/** The life of a command: `create` once, `update` (or `create` again) on a change of inputs, `delete` at the end. */
export function commandResource<Inputs extends CommandInputs>(
  shapes: Readonly<Record<string, Shape>>,
  complete: (inputs: PropertyMap) => PropertyMap,
  run: Run<Inputs>,
): Resource {
  const start = async (
    command: string | undefined,
    inputs: Inputs,
    last: Output,
    operation: Operation,
  ): Promise<Output> => {
    if (command === undefined) return { stdout: last.stdout, stderr: last.stderr };
    operation.signal.throwIfAborted();
    return run(command, inputs, variables(inputs, last), operation);
  };
  return {
    computed: ["stdout", "stderr"],
    check: (inputs) => ({
      inputs: complete(inputs),
      failures: problemsOf(inputs, map({ ...commandShapes, ...shapes })),
    }),
    create: (inputs: Inputs, operation) =>
      start(inputs.create, inputs, { stdout: "", stderr: "" }, operation),
    update: (inputs: Inputs, state: Inputs & Output, operation) =>
      start(inputs.update ?? inputs.create, inputs, state, operation),
    delete: async (state: Inputs & Output, operation) => {
      await start(state.delete, state, state, operation);
    },
  };
}

function variables(inputs: CommandInputs, last: Output): Variables {
  const previous: Record<string, string> = {};
  if (inputs.addPreviousOutputInEnv ?? true) {
    if (last.stdout !== "") previous.PULUMI_COMMAND_STDOUT = last.stdout;
    if (last.stderr !== "") previous.PULUMI_COMMAND_STDERR = last.stderr;
  }
  return { given: inputs.environment ?? {}, previous };
}

/** The outputs of a command that ended well: one trailing newline is not part of them. */
export function outputOf({ stdout, stderr }: Captured): Output {
  return { stdout: stdout.replace(/\n$/, ""), stderr: stderr.replace(/\n$/, "") };
}

/** Says how a command ended that did not end well, and what it printed. */
export function commandFailure(how: string, command: string, printed: string): Error {
  return new Error(`${how}: running ${JSON.stringify(command)}:\n${printed}`);
}
