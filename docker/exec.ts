import type { IncomingMessage } from "node:http";
import { callEngine, connection, type EngineAddress, messageOf } from "./api.ts";
import { unframed } from "./frames.ts";
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
): Promise<Executed | { readonly status: number; readonly refusal: string }> {
  const attach = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
  const { status, body } = await callEngine(engine, `/containers/${container}/exec`, {
    method: "POST",
    json: { ...attach, Cmd: command },
    signal: AbortSignal.timeout(10_000),
  });
  if (status !== 201) return { status, refusal: messageOf(body) };
  const { Id } = JSON.parse(body);
  const written = await attached(engine, Id, signal);
  if ("refusal" in written) return written;
  const state = await callEngine(engine, `/exec/${Id}/json`, { signal: AbortSignal.timeout(10_000) });
  return { exitCode: JSON.parse(state.body).ExitCode, ...written };
}

type Written = Pick<Executed, "stdout" | "stderr">;

/** Starts it and gives what it wrote. */
function attached(engine: EngineAddress, id: string, signal: AbortSignal | undefined) {
  return new Promise<Written | { status: number; refusal: string }>((resolve, reject) => {
    const path = `/exec/${id}/start`;
    const headers = { "content-type": "application/json", connection: "Upgrade", upgrade: "tcp" };
    const call = request({ ...connection(engine), method: "POST", path, headers, signal });
    call.on("error", reject);
    call.on("response", async (answer: IncomingMessage) => {
      const body = Buffer.concat(await answer.toArray()).toString();
      resolve({ status: answer.statusCode ?? 0, refusal: messageOf(body) });
    });
    call.on("upgrade", (_answer, socket, head) => {
      const pieces = [head];
      // From here on the signal of the request has no effect.
      signal?.addEventListener("abort", () => socket.destroy(signal.reason));
      socket.on("data", (piece) => pieces.push(piece));
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the connection was closed")));
      socket.on("end", () => {
        socket.end();
        const bytes = Buffer.concat(pieces);
        resolve({ stdout: unframed(bytes, [1]), stderr: unframed(bytes, [2]) });
      });
    });
    call.end(JSON.stringify({ Detach: false, Tty: false }));
  });
}
