import { spawn } from "node:child_process";
import { type EngineAddress, hostOf, sshOptionsOf, tryEngine } from "../docker/api.ts";
import { startSsh } from "../docker/ssh.ts";

/** What a script printed, and why it stopped where it did not end by itself. */
export interface ScriptRun {
  readonly output: string;
  readonly failure?: string;
  /** Seconds since 1970 here, when the script was sent and when its first line came. */
  readonly sent: number;
  readonly answered: number;
}

/** Limits to what a host can make us wait for and keep. */
const limits = { firstMs: 10_000, allMs: 60_000, characters: 4 * 1024 * 1024, answer: 16 * 1024 * 1024 };

/** Runs a script of the POSIX shell on the machine of an engine. It travels by standard input: no other shell reads it. */
export function runScript(engine: EngineAddress, script: string): Promise<ScriptRun> {
  const url = URL.parse(hostOf(engine));
  const sent = Date.now() / 1000;
  if (url?.protocol === "tcp:") {
    const failure = `${hostOf(engine)} lets no command run on its host; ssh:// does`;
    return Promise.resolve({ output: "", failure, sent, answered: sent });
  }
  return new Promise((resolve) => {
    const child =
      url?.protocol === "ssh:" ? startSsh(url, sshOptionsOf(engine), ["sh"]) : spawn("sh", ["-s"]);
    let output = "";
    let complaint = "";
    let failure: string | undefined;
    let answered = sent;
    const stop = (why: string) => {
      failure ??= why;
      child.kill("SIGKILL");
      // What it has started may go on; with nobody reading, a flood ends too.
      for (const stream of child.stdio) stream?.destroy();
    };
    const first = setTimeout(() => stop(`no answer within ${limits.firstMs / 1000} s`), limits.firstMs);
    const all = setTimeout(() => stop(`not done within ${limits.allMs / 1000} s`), limits.allMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      clearTimeout(first);
      if (output === "") answered = Date.now() / 1000;
      output += text;
      if (output.length > limits.characters) stop("it printed too much");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (complaint.length < 4096) complaint += text;
    });
    child.on("error", ({ message }) => stop(message));
    child.on("close", (code) => {
      clearTimeout(first);
      clearTimeout(all);
      if (code !== 0) failure ??= complaint.replaceAll("\r", "").trim() || `exit code ${code}`;
      resolve({ output, ...(failure !== undefined && { failure }), sent, answered });
    });
    child.stdin.on("error", () => {}).end(script);
  });
}

/** Answers of a Docker Engine, as they came. */
export interface EngineReport {
  readonly version: unknown;
  readonly info: unknown;
  /** Every container, as `docker ps --all` knows it. */
  readonly listed: unknown;
  /** Those that run, as `docker inspect` shows them. */
  readonly running: readonly unknown[];
  /** By name; undefined where it has none. */
  readonly images: Readonly<Record<string, unknown>>;
}

/** Only reads. The failure is in the engine's words, or in those of `ssh`. */
export async function engineReport(
  engine: EngineAddress,
  imageNames: readonly string[],
): Promise<EngineReport | { readonly failure: string }> {
  try {
    const [version, info] = [await get(engine, "/version"), await get(engine, "/info")];
    const listed = await get(engine, "/containers/json?all=1");
    const ids = (Array.isArray(listed) ? listed : [])
      .map(Object)
      .flatMap(({ Id, State }) => (State === "running" ? [Id] : []));
    // Between the two calls anybody's container may have gone.
    const running = await each(ids, (id) => get(engine, `/containers/${id}/json`, "No such container"));
    const images = await each(imageNames, async (name) => [
      name,
      await get(engine, `/images/${name}/json`, "No such image"),
    ]);
    return {
      version,
      info,
      listed,
      running: running.filter((one) => one !== undefined),
      images: Object.fromEntries(images),
    };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

/** Few at once: over SSH each is a session of the host's one connection. */
async function each<A, B>(items: readonly A[], ask: (item: A) => Promise<B>): Promise<B[]> {
  const answers: B[] = [];
  for (let at = 0; at < items.length; at += 4) {
    answers.push(...(await Promise.all(items.slice(at, at + 4).map(ask))));
  }
  return answers;
}

/** Undefined: it said that there is none, in the words `absent`. */
async function get(engine: EngineAddress, path: string, absent?: string): Promise<unknown> {
  const { body, failure } = await tryEngine(engine, path, {
    signal: AbortSignal.timeout(10_000),
    longest: limits.answer,
  });
  if (failure === undefined) return JSON.parse(body);
  if (absent !== undefined && failure.includes(absent)) return undefined;
  throw new Error(`GET ${path}: ${failure}`);
}
