import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";

export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

export interface Captured {
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order of arrival: for error messages. */
  readonly both: string;
}

/** Reads what a command prints to its end; each line of a logged stream goes to `status` while the command runs. */
export async function capture(
  stdout: Readable,
  stderr: Readable,
  logging: Logging,
  status: (line: string) => Promise<void>,
): Promise<Captured> {
  let both = "";
  let shown = Promise.resolve();
  const show = (line: string) => {
    shown = shown.then(() => status(line));
  };
  const read = async (stream: Readable, logged: boolean) => {
    let text = "";
    let unfinished = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      both += chunk;
      const lines = `${unfinished}${chunk}`.split("\n");
      unfinished = lines.pop() ?? "";
      if (logged) lines.forEach(show);
    });
    // The streams of a cancelled command end early, which is not a failure of its own.
    await finished(stream, { writable: false }).catch(() => {});
    if (logged && unfinished !== "") show(unfinished);
    return text;
  };
  const [out, err] = await Promise.all([
    read(stdout, logging === "stdout" || logging === "stdoutAndStderr"),
    read(stderr, logging === "stderr" || logging === "stdoutAndStderr"),
  ]);
  await shown;
  return { stdout: out, stderr: err, both };
}
