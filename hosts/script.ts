import { spawn } from "node:child_process";
import { type EngineAddress, hostOf, sshOptionsOf } from "../docker/api.ts";
import { startSsh } from "../docker/ssh.ts";
import { again, isDropped } from "./again.ts";

/** What a script printed, and why it stopped where it did not end by itself. */
export interface ScriptRun {
  readonly output: string;
  readonly failure?: string;
  /** Seconds since 1970 here, when the script was sent and when its first line came. */
  readonly sent: number;
  readonly answered: number;
}

/** Limits to what a host can make us wait for and keep. */
const limits = { firstMs: 10_000, allMs: 60_000, characters: 4 * 1024 * 1024 };

/** Runs a script of the POSIX shell on the machine of an engine. It travels by standard input: no other shell reads it. */
export function runScript(engine: EngineAddress, script: string): Promise<ScriptRun> {
  return again(
    () => runOnce(engine, script),
    ({ output, failure = "" }) => output === "" && isDropped(failure),
  );
}

function runOnce(engine: EngineAddress, script: string): Promise<ScriptRun> {
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
