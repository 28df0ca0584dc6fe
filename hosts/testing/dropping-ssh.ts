import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

/**
 * Puts a program in the place of `ssh` until the test is over: it has connections dropped as a busy sshd drops them, the
 * first of each kind, and joins later ones to this machine and to the engine at `socket`. Gives what it was started for.
 */
export async function droppingSsh(socket: string): Promise<() => Promise<string[]>> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-ssh-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const log = join(folder, "log");
  await writeFile(log, "");
  await writeFile(
    join(folder, "ssh"),
    `#!${process.execPath}
    const { appendFileSync, readFileSync } = require("node:fs");
    const kind = process.argv.at(-1);
    const isFirst = !readFileSync("${log}", "utf8").includes(kind);
    appendFileSync("${log}", kind + "\\n");
    if (isFirst) {
      console.error("kex_exchange_identification: Connection closed by remote host");
      process.exit(255);
    }
    if (kind === "sh") require("node:child_process").spawn("sh", { stdio: "inherit" });
    else {
      const engine = require("node:net").connect("${socket.replace("unix://", "")}");
      process.stdin.pipe(engine).pipe(process.stdout);
    }
    `,
  );
  await chmod(join(folder, "ssh"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return async () => (await readFile(log, "utf8")).trim().split("\n");
}
