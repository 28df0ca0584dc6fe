import type { ClientRequestArgs } from "node:http";
import type { Readable } from "node:stream";
import { FixableError } from "../problems/fixable-error.ts";
import { request } from "./http.ts";
import { sshAgent } from "./ssh.ts";

/** Where a Docker Engine listens unless someone says otherwise. */
export const defaultHost = "unix:///var/run/docker.sock";

/** `unix://`, `tcp://` without TLS, or `ssh://`, as in DOCKER_HOST; `sshOptions` are for the last, and replace ours. */
export type EngineAddress = string | { readonly host: string; readonly sshOptions: readonly string[] };

/** The engine that a stack file names as `docker`, else the one that DOCKER_HOST names, else the default. */
export function engineAt(docker: string | undefined, sshOptions: readonly string[]): EngineAddress {
  const host = docker ?? (process.env.DOCKER_HOST || defaultHost);
  return docker?.startsWith("ssh://") ? { host, sshOptions } : host;
}

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** What the call takes: a tar archive, or parameters. */
  readonly tar?: Readable;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** With latin1, each character of the answer is a byte of it. */
  readonly encoding?: "utf8" | "latin1";
  /** An answer of more characters is an error, for engines whose containers are not trusted. */
  readonly longest?: number;
  /** Every message of a call that reports progress, once the engine has accepted it. */
  readonly onMessage?: (message: EngineMessage) => void;
}

export interface EngineMessage {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
}

/** One call to the Docker Engine API. Any status is an answer; rejects only when no answer came. */
export function callEngine(
  engine: EngineAddress,
  path: string,
  options: CallOptions = {},
): Promise<EngineAnswer> {
  const { method = "GET", tar, json, signal, onMessage } = options;
  const { encoding = "utf8", longest = Number.POSITIVE_INFINITY } = options;
  return new Promise((resolve, reject) => {
    const type = tar === undefined ? "application/json" : "application/x-tar";
    const headers = { "content-type": type, ...options.headers };
    let isAnswered = false;
    const call = request({ ...connection(engine), method, path, headers, signal }, (answer) => {
      isAnswered = true;
      let body = "";
      let line = "";
      answer.setEncoding(encoding);
      answer.on("data", (text: string) => {
        body += text;
        if (body.length > longest) call.destroy(new Error(`the answer is longer than ${longest} characters`));
        if (onMessage === undefined || answer.statusCode !== 200) return;
        const lines = (line + text).split("\n");
        line = lines.pop() ?? "";
        for (const message of lines.filter((one) => one.trim() !== "")) onMessage(JSON.parse(message));
      });
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    call.on("error", (error) => {
      // A connection that was kept may end just when it is used again; the next one tells whether the engine is there.
      const isStale = call.reusedSocket && method === "GET" && !isAnswered && signal?.aborted !== true;
      if (isStale) resolve(callEngine(engine, path, options));
      else reject(error);
    });
    if (tar === undefined) call.end(JSON.stringify(json));
    else tar.on("error", (error) => call.destroy(error)).pipe(call);
  });
}

/** Like `callEngine`, with whatever went wrong in words; also where a progress stream ends in an error. */
export async function tryEngine(
  engine: EngineAddress,
  path: string,
  options: CallOptions = {},
): Promise<{ body: string; failure?: string }> {
  let failure: string | undefined;
  const onMessage = (message: EngineMessage) => {
    failure ??= message.error;
    options.onMessage?.(message);
  };
  const streams = options.method === "POST" ? { onMessage } : {};
  try {
    const { status, body } = await callEngine(engine, path, { ...options, ...streams });
    if (status >= 400) failure = messageOf(body);
    return failure === undefined ? { body } : { body, failure };
  } catch (error) {
    return { body: "", failure: (error as Error).message };
  }
}

/** Like `callEngine`, for calls that must succeed: the answer's body, or a FixableError. */
export async function expectEngine(
  engine: EngineAddress,
  path: string,
  options: CallOptions = {},
): Promise<string> {
  const { body, failure } = await tryEngine(engine, path, options);
  if (failure === undefined) return body;
  const call = `${options.method ?? "GET"} ${path.split("?")[0]}`;
  throw new FixableError(
    `The Docker Engine at ${hostOf(engine)} failed ${call}: ${failure}`,
    "see that the connection holds, that its disk has room, and what its log says; then do it again",
  );
}

/** The engine's word for what went wrong: its errors are `{"message": …}`. */
export function messageOf(body: string): string {
  try {
    return String(JSON.parse(body).message);
  } catch {
    return body.trim();
  }
}

export type Greeting =
  | { readonly answers: true; readonly version: string }
  | { readonly answers: false; readonly denied: boolean; readonly reason: string };

/** Whether a Docker Engine is at work at `host`: its own word, within seconds. */
export async function greetEngine(engine: EngineAddress): Promise<Greeting> {
  try {
    const { status, body } = await callEngine(engine, "/version", { signal: AbortSignal.timeout(10_000) });
    if (status !== 200) return { answers: false, denied: false, reason: messageOf(body) };
    return { answers: true, version: String(JSON.parse(body).Version) };
  } catch (error) {
    if (error instanceof FixableError) throw error;
    const { name, code, message } = error as NodeJS.ErrnoException;
    const isLate = name === "AbortError" || name === "TimeoutError";
    return { answers: false, denied: code === "EACCES", reason: isLate ? "no answer within 10 s" : message };
  }
}

/** What `request` of node:http needs to reach it. */
export function connection(engine: EngineAddress): ClientRequestArgs {
  const host = hostOf(engine);
  const url = URL.parse(host);
  switch (url?.protocol) {
    case "unix:":
      return { socketPath: url.pathname, agent: false };
    case "tcp:":
      return { host: url.hostname, port: url.port || 2375, agent: false };
    case "ssh:":
      return { agent: sshAgent(url, sshOptionsOf(engine)) };
    default:
      throw new FixableError(
        `${host} is no address of a Docker Engine`,
        "set DOCKER_HOST to unix:///path/to/docker.sock, ssh://user@host or tcp://host:port",
      );
  }
}

/** What `ssh` is told besides, so that it never waits for somebody to type. */
export const sshOptionsOf = (engine: EngineAddress): readonly string[] =>
  typeof engine === "string" ? ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"] : engine.sshOptions;

/** Its address in words. */
export function hostOf(engine: EngineAddress): string {
  return typeof engine === "string" ? engine : engine.host;
}
