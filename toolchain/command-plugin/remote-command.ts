import { once } from "node:events";
import type { Client } from "ssh2";
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
    await checkAccepted(client, variables, operation);
    const env = { ...variables.given, ...variables.previous };
    const { captured, failure } = await execute(
      client,
      { command, env, stdin: inputs.stdin ?? "", logging: inputs.logging ?? "stdoutAndStderr" },
      operation,
    );
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

function execute(
  client: Client,
  { command, env, stdin, logging }: Execution,
  operation: Operation,
): Promise<Executed> {
  const { signal } = operation;
  return new Promise((resolve, reject) => {
    client.exec(command, { env }, (error, stream) => {
      if (error) return reject(error);
      let failure: string | undefined = "the connection ended before the command did";
      stream.on("exit", (code: number | null, signalName?: string) => {
        failure = code === 0 ? undefined : code === null ? `signal: ${signalName}` : `exit status ${code}`;
      });
      const cancel = () => {
        failure = signal.reason.message;
        stream.signal("KILL");
        // sshd closes the stream only when the command has ended, which it may refuse to bring about.
        client.destroy();
      };
      signal.addEventListener("abort", cancel);
      stream.on("error", () => {}).end(stdin);
      // The exit status may come after the end of the output, but never after the close.
      Promise.all([capture(stream, stream.stderr, logging, operation), once(stream, "close")])
        .then(([captured]) => resolve({ captured, failure }), reject)
        .finally(() => signal.removeEventListener("abort", cancel));
    });
  });
}

/**
 * sshd drops the variables that its AcceptEnv does not name, and ssh2 does not ask whether it did: look at what
 * arrives. What the program gave must arrive; the output of the previous run is a courtesy.
 */
async function checkAccepted(client: Client, variables: Variables, operation: Operation): Promise<void> {
  const env = { ...variables.given, ...variables.previous };
  if (Object.keys(env).length === 0) return;
  const { captured } = await execute(client, { command: "env", env, stdin: "", logging: "none" }, operation);
  for (const name of Object.keys(env)) {
    if (new RegExp(`^${name}=`, "m").test(captured.stdout)) continue;
    const message =
      `Unable to set '${name}'. This only works if the SSH server is configured to accept it via AcceptEnv; ` +
      `instead, prefix the command itself: '${name}=value command'`;
    if (name in variables.given) throw new Error(message);
    await operation.say("warning", message);
  }
}
