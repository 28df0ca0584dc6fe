import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import ssh2, { type Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import { type Connection, parsedHostKey } from "./connection.ts";
import { messageOf, type Operation } from "./resource.ts";

/** What another attempt would not mend: a wrong host key, a private key that cannot be read. */
class PermanentError extends Error {}

/**
 * Gives `body` an SSH connection, which ends with it. Failed attempts to connect are repeated as the connection
 * says, unless that cannot help.
 */
export async function withConnection<T>(
  connection: Connection,
  operation: Operation,
  body: (client: Client) => Promise<T>,
): Promise<T> {
  if (connection.proxy === undefined) return withClient(await dial(connection, operation), body);
  return withClient(await dial(connection.proxy, operation), async (bastion) =>
    withClient(await dial(connection, operation, bastion), body),
  );
}

async function withClient<T>(client: Client, body: (client: Client) => Promise<T>): Promise<T> {
  try {
    return await body(client);
  } finally {
    client.end();
  }
}

async function dial(connection: Connection, operation: Operation, bastion?: Client): Promise<Client> {
  const { signal } = operation;
  const limit = connection.dialErrorLimit;
  for (let failures = 1, pauseMs = 100; ; failures++, pauseMs = Math.min(pauseMs * 1.5, 5000)) {
    signal.throwIfAborted();
    try {
      return await open(connection, signal, bastion);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PermanentError) throw error;
      if (limit !== -1 && failures > limit) {
        throw new Error(
          `cannot connect to ${nameOf(connection)}, attempt ${failures} of ${limit + 1}: ${messageOf(error)}`,
        );
      }
    }
    await operation.status(`Dial ${failures}/${limit === -1 ? "inf" : limit} failed: retrying`);
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

function tunnel(bastion: Client, { host, port }: Connection): Promise<Duplex> {
  return new Promise((resolve, reject) =>
    bastion.forwardOut("127.0.0.1", 0, host, port, (error, stream) =>
      error ? reject(error) : resolve(stream),
    ),
  );
}

/** One attempt. */
async function open(connection: Connection, signal: AbortSignal, bastion?: Client): Promise<Client> {
  const stream = bastion && (await abortable(signal, () => tunnel(bastion, connection)));
  const client = new ssh2.Client();
  try {
    await abortable(signal, () => ready(client, connection, stream));
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

function ready(client: Client, connection: Connection, stream?: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let note = "";
  client
    .on("ready", resolve)
    .on("error", (error) => {
      // After a failing agent come the other ways to log in.
      if (error.level === "agent") note = ` (SSH agent: ${error.message})`;
      else reject(new Error(`${error.message}${note}`));
    })
    .on("close", () => reject(new Error("the host closed the connection")))
    .on("keyboard-interactive", (_name, _instructions, _language, prompts, answer) =>
      answer(prompts.map(() => connection.password ?? "")),
    );
  try {
    client.connect({
      host: connection.host,
      port: connection.port,
      username: connection.user,
      password: connection.password,
      privateKey: connection.privateKey,
      passphrase: connection.privateKeyPassword,
      agent: connection.agentSocketPath ?? process.env.SSH_AUTH_SOCK,
      authHandler: ["publickey", "agent", "password", "keyboard-interactive"],
      tryKeyboard: connection.password !== undefined,
      readyTimeout: connection.perDialTimeout * 1000,
      // A host that dies while a command runs must not hold up the deployment for ever.
      keepaliveInterval: 15_000,
      ...(stream && { sock: stream }),
      ...pinning(connection, reject),
    } as ConnectConfig);
  } catch (error) {
    reject(new PermanentError(`cannot connect to ${nameOf(connection)}: ${messageOf(error)}`));
  }
  return promise;
}

/** Waits for `body`, but not longer than until the signal. */
export async function abortable<T>(signal: AbortSignal, body: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([aborted.promise, body()]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Accepts only the pinned host key. Without a pin any key is taken, as the published plugin does. */
function pinning(connection: Connection, refuse: (error: Error) => void) {
  if (connection.hostKey === undefined) return {};
  const pinned = parsedHostKey(connection.hostKey);
  if (pinned === undefined) throw new Error("connection.hostKey is not a public key in OpenSSH format");
  const types = (
    pinned.type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [pinned.type]
  ) as ServerHostKeyAlgorithm[];
  return {
    // A host with keys of several types must show the pinned type.
    algorithms: { serverHostKey: { remove: types, prepend: types, append: [] } },
    hostVerifier: (shown: Buffer): boolean => {
      if (shown.equals(pinned.getPublicSSH())) return true;
      refuse(
        new PermanentError(
          `host key of ${nameOf(connection)} is not the pinned one: expected ${fingerprint(pinned.getPublicSSH())}, ` +
            `seen ${fingerprint(shown)}. If the host was set up anew, put its new public key ` +
            "into connection.hostKey; if not, another machine may be answering in its place",
        ),
      );
      return false;
    },
  };
}

/** As `ssh-keygen -l` shows it, of a key as it goes over the wire. */
function fingerprint(key: Buffer): string {
  const hash = createHash("sha256").update(key).digest("base64").replace(/=+$/, "");
  return `${parsedHostKey(key)?.type} SHA256:${hash}`;
}

function nameOf({ user, host, port }: Connection): string {
  return `${user}@${host}:${port}`;
}
