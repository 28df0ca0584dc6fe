import type { IncomingMessage } from "node:http";
import { callEngine, connection, type EngineAddress, messageOf } from "./api.ts";
import { frameReader, unframed } from "./frames.ts";
import { request } from "./http.ts";

export interface Executed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command in a running container, to its end. Its standard input stays open and empty for as long as the
 * caller is there to hear of it. Gives the engine's refusal, with its status, where the command cannot be started;
 * rejects when the engine does not answer, or not to the end.
 */
export async function execute(
  engine: EngineAddress,
  container: string,
  command: readonly string[],
  signal?: AbortSignal,
): Promise<Executed | Refused> {
  const made = await prepared(engine, container, command);
  if ("refusal" in made) return made;
  const pieces: Buffer[] = [];
  const refused = await attached(engine, made.id, (piece) => pieces.push(piece), signal);
  if (refused !== undefined) return refused;
  const bytes = Buffer.concat(pieces);
  const state = await callEngine(engine, `/exec/${made.id}/json`, { signal: AbortSignal.timeout(10_000) });
  const { ExitCode } = JSON.parse(state.body);
  return { exitCode: ExitCode, stdout: unframed(bytes, [1]), stderr: unframed(bytes, [2]) };
}

interface Refused {
  readonly status: number;
  readonly refusal: string;
}

/**
 * Runs a command as `execute` does and hands on what it writes to its standard output as it comes, in characters that are
 * bytes. Resolves at its end, or when `signal` ends the connection, and with that its standard input.
 */
export async function executeFollowing(
  engine: EngineAddress,
  container: string,
  command: readonly string[],
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<Refused | undefined> {
  const made = await prepared(engine, container, command);
  if ("refusal" in made) return made;
  const read = frameReader(({ stream, text }) => {
    if (stream === 1) onText(text);
  });
  return attached(engine, made.id, read, signal);
}

async function prepared(
  engine: EngineAddress,
  container: string,
  command: readonly string[],
): Promise<Refused | { readonly id: string }> {
  const attach = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
  const { status, body } = await callEngine(engine, `/containers/${container}/exec`, {
    method: "POST",
    json: { ...attach, Cmd: command },
    signal: AbortSignal.timeout(10_000),
  });
  if (status !== 201) return { status, refusal: messageOf(body) };
  return { id: JSON.parse(body).Id };
}

/** Starts it and hands on what it writes, in frames; resolves at its end. */
function attached(
  engine: EngineAddress,
  id: string,
  onBytes: (bytes: Buffer) => void,
  signal: AbortSignal | undefined,
) {
  return new Promise<Refused | undefined>((resolve, reject) => {
    const path = `/exec/${id}/start`;
    const headers = { "content-type": "application/json", connection: "Upgrade", upgrade: "tcp" };
    const call = request({ ...connection(engine), method: "POST", path, headers, signal });
    call.on("error", reject);
    call.on("response", async (answer: IncomingMessage) => {
      const body = Buffer.concat(await answer.toArray()).toString();
      resolve({ status: answer.statusCode ?? 0, refusal: messageOf(body) });
    });
    call.on("upgrade", (_answer, socket, head) => {
      onBytes(head);
      // From here on the signal of the request has no effect.
      signal?.addEventListener("abort", () => socket.destroy(signal.reason));
      socket.on("data", onBytes);
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the connection was closed")));
      socket.on("end", () => {
        socket.end();
        resolve(undefined);
      });
    });
    call.end(JSON.stringify({ Detach: false, Tty: false }));
  });
}
