import { readFileSync } from "node:fs";
import type { EngineAddress } from "./api.ts";
import { execute } from "./exec.ts";

/** A request to a server on a Unix socket inside a container: a POST where there is a body, else a GET. */
export interface SocketQuestion {
  readonly socket: string;
  readonly path: string;
  readonly body?: object | undefined;
  /** What is asked in its place when the asker goes away before the answer. */
  readonly undo?: { readonly path: string; readonly body: object } | undefined;
}

/** `absent`: it is certain that nobody is there; the engine's words, or the code of the system's error. */
export type SocketAnswer =
  | { readonly status: number; readonly body: unknown }
  | { readonly absent: string }
  | { readonly failure: string };

const program = readFileSync(new URL("./ask-socket.mjs", import.meta.url), "utf8");

/** Asks by `docker exec`, for which the container's image needs `node`. Never rejects. */
export async function askSocket(
  engine: EngineAddress,
  container: string,
  question: SocketQuestion,
  signal?: AbortSignal,
): Promise<SocketAnswer> {
  const command = ["node", "--input-type=module", "-e", program, JSON.stringify(question)];
  try {
    const result = await execute(engine, container, command, signal);
    if ("refusal" in result) {
      const { refusal } = result;
      const isAbsent = /No such container|is not running|is restarting/.test(refusal);
      return isAbsent ? { absent: refusal } : { failure: refusal };
    }
    const { exitCode, stdout, stderr } = result;
    const [, status, text = ""] = /^(\d+) (.*)\n$/s.exec(stdout) ?? [];
    if (status === undefined) return { failure: `exit code ${exitCode}: ${`${stdout}${stderr}`.trim()}` };
    if (status !== "0") return { status: Number(status), body: JSON.parse(text) };
    return /^(ENOENT|ECONNREFUSED)$/.test(text) ? { absent: text } : { failure: text };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}
