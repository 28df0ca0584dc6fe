import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

/**
 * Puts a program in the place of `ssh` until the test is over, which joins each of its connections to the engine at
 * `socket`. One through a host that hangs ends only when it is killed. Gives the process ids of all that were started.
 */
export async function relayingSsh(socket: string, { hangs = false } = {}): Promise<() => Promise<number[]>> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-ssh-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const log = join(folder, "log");
  await writeFile(log, "");
  await writeFile(
    join(folder, "ssh"),
    `#!${process.execPath}
    require("node:fs").appendFileSync("${log}", process.pid + "\\n");
    const engine = require("node:net").connect("${socket.replace("unix://", "")}");
    process.stdin.pipe(engine).pipe(process.stdout);
    ${hangs ? "setInterval(() => {}, 1000)" : 'engine.on("close", () => process.exit())'};
    `,
  );
  await chmod(join(folder, "ssh"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return async () => (await readFile(log, "utf8")).split("\n").filter(Boolean).map(Number);
}
