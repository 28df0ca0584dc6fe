import { readFileSync } from "node:fs";
import type { EngineAddress } from "./api.ts";
import { execute, executeFollowing } from "./exec.ts";

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

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
const program = read("./ask-socket.mjs");
const following = read("./follow-socket.mjs");
/** A line is a snapshot of a deployment: no larger one is kept until it ends. */
const MAX_LINE = 8 * 1024 * 1024;

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
      return refused(refusal);
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

function refused(words: string): { absent: string } | { failure: string } {
  const isAbsent = /No such container|is not running|is restarting/.test(words);
  return isAbsent ? { absent: words } : { failure: words };
}

/**
 * Asks for an answer without an end and hands on its lines, until it ends all the same or `signal` does. Never rejects: gives
 * why it has ended, the status where that was not 200.
 */
export async function followSocket(
  engine: EngineAddress,
  container: string,
  { socket, path }: Pick<SocketQuestion, "socket" | "path">,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<{ readonly status: number } | { readonly absent: string } | { readonly failure: string }> {
  const command = ["node", "--input-type=module", "-e", following, socket, path];
  let status: string | undefined;
  let rest = "";
  const take = (text: string) => {
    rest += text;
    if (status === undefined) {
      const [whole, found] = /^(\d+) /.exec(rest) ?? [];
      if (whole === undefined) return;
      status = found;
      rest = rest.slice(whole.length);
    }
    if (status !== "200") return;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) rest = "";
    for (const line of lines) if (line !== "") onLine(Buffer.from(line, "latin1").toString());
  };
  try {
    const refusal = await executeFollowing(engine, container, command, take, signal);
    if (refusal !== undefined) return refused(refusal.refusal);
    if (status !== undefined && status !== "0") return { status: Number(status) };
    return /^(ENOENT|ECONNREFUSED)$/.test(rest)
      ? { absent: rest }
      : { failure: rest || "the command has ended" };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}
