import { once } from "node:events";
import type { Client, ClientChannel } from "ssh2";
import { type Captured, capture, type Logging } from "./capture.ts";
import {
  type CommandInputs,
  commandFailure,
  commandResource,
  outputOf,
  type Run,
  type Variables,
} from "./command.ts";
import { type Connection, completed, connectionShape } from "./connection.ts";
import type { Operation } from "./resource.ts";
import { withConnection } from "./ssh.ts";

type RemoteInputs = CommandInputs & { readonly connection: Connection };

/** `command:remote:Command`: a command line on another host, run by the login shell of the user there. */
export const remoteCommand = commandResource<RemoteInputs>(
  { connection: connectionShape },
  completed,
  runRemotely,
);

async function runRemotely(...[command, inputs, variables, operation]: Parameters<Run<RemoteInputs>>) {
  return withConnection(inputs.connection, operation, async (client) => {
    const env = await acceptedVariables(client, variables, operation);
    const { stdin = "", logging = "stdoutAndStderr" } = inputs;
    const { captured, failure } = await execute(client, { command, env, stdin, logging }, operation);
    if (failure !== undefined) throw commandFailure(failure, command, captured.both);
    return outputOf(captured);
  });
}

interface Execution {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly logging: Logging;
}

interface Executed {
  readonly captured: Captured;
  readonly failure: string | undefined;
}

async function execute(
  client: Client,
  { command, env, stdin, logging }: Execution,
  operation: Operation,
): Promise<Executed> {
  const { signal } = operation;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Executed>();
  let stream: ClientChannel | undefined;
  let failure: string | undefined = "the connection ended before the command did";
  const cancel = () => {
    failure = signal.reason.message;
    stream?.signal("KILL");
    // sshd closes the stream only when the command has ended, which it may not bring about.
    client.destroy();
    if (stream === undefined) reject(signal.reason);
  };
  client.exec(command, { env }, (error, opened) => {
    if (error) return reject(error);
    stream = opened;
    stream.on("exit", (code: number | null, signalName?: string) => {
      failure = code === 0 ? undefined : code === null ? `signal: ${signalName}` : `exit status ${code}`;
    });
    stream.on("error", () => {}).end(stdin);
    // The exit status may come after the end of the output, but never after the close.
    Promise.all([capture(stream, stream.stderr, logging, operation), once(stream, "close")]).then(
      ([captured]) => resolve({ captured, failure }),
      reject,
    );
  });
  signal.addEventListener("abort", cancel);
  return promise.finally(() => signal.removeEventListener("abort", cancel));
}

/**
 * The environment that the command will have beyond its own. sshd drops the variables that its AcceptEnv does not
 * name, and ssh2 does not ask whether it did, so look at what arrives. What the program gave must; the output of
 * the previous run is a courtesy.
 */
async function acceptedVariables(
  client: Client,
  { given, previous }: Variables,
  operation: Operation,
): Promise<Readonly<Record<string, string>>> {
  const env = { ...given, ...previous };
  if (Object.keys(env).length === 0) return env;
  const { captured } = await execute(client, { command: "env", env, stdin: "", logging: "none" }, operation);
  for (const [name, value] of Object.entries(env)) {
    if (`\n${captured.stdout}`.includes(`\n${name}=${value}\n`)) continue;
    const message =
      `Unable to set '${name}'. This only works if the SSH server is configured to accept it via AcceptEnv; ` +
      `instead, prefix the command itself: '${name}=value command'`;
    if (name in given) throw new Error(message);
    await operation.warn(message);
  }
  return env;
}
