import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endProcessesNaming } from "../system/processes.ts";

let root: string;

/** A project whose one test leaves a process behind in every way, and then ends or waits. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ascend-pd-left-"));
  await writeFile(
    join(root, "vitest.config.mjs"),
    "export default { test: { globals: true, testTimeout: 600000 } };",
  );
  await writeFile(
    join(root, "leaves.test.mjs"),
    `import { spawn } from "node:child_process";
    import { renameSync, writeFileSync } from "node:fs";
    import { tmpdir } from "node:os";
    const leave = (args, env) => {
      const left = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", ...args], { env, detached: true, stdio: "ignore" });
      left.unref();
      return left.pid;
    };
    test("leaves processes", async () => {
      const pids = [leave([import.meta.dirname], process.env), leave([import.meta.dirname, tmpdir() + "/x"], {})];
      writeFileSync(import.meta.dirname + "/left.partial", JSON.stringify({ folder: tmpdir(), pids }));
      renameSync(import.meta.dirname + "/left.partial", import.meta.dirname + "/left");
      if (process.env.WAITS) await new Promise(() => {});
    });`,
  );
});

afterEach(async () => {
  await endProcessesNaming(root);
  await rm(root, { recursive: true });
});

function start(waits: boolean): ChildProcess {
  const { WAITS, ...env } = process.env;
  return spawn("npm", ["test", "--", "--root", root], {
    env: { ...env, ...(waits && { WAITS: "1" }) },
    detached: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

interface Left {
  readonly folder: string;
  readonly pids: readonly number[];
}

async function left(): Promise<Left> {
  await expect.poll(() => existsSync(join(root, "left")), { timeout: 120_000 }).toBe(true);
  return JSON.parse(readFileSync(join(root, "left"), "utf8"));
}

/** A dead process that nobody has asked for has no command line any more. */
function alive({ pids }: Left): number[] {
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
    } catch {
      return false;
    }
  });
}

test("A run that ends leaves no process behind, and none of its files.", async () => {
  const run = start(false);
  const found = await left();

  const [code] = await once(run, "exit");

  expect(alive(found)).toEqual([]);
  expect(existsSync(found.folder)).toBe(false);
  expect(code).toBe(0);
});

test.each(["SIGTERM", "SIGINT"] as const)("A run that %s ends leaves none behind either.", async (signal) => {
  const run = start(true);
  const found = await left();
  const aliveBefore = alive(found);

  run.kill(signal);
  const [code, by] = await once(run, "exit");

  await expect.poll(() => existsSync(found.folder), { timeout: 60_000 }).toBe(false);
  expect(aliveBefore).toEqual(found.pids);
  expect(alive(found)).toEqual([]);
  expect([code, by]).not.toEqual([0, null]);
});

test("What a killed run has left the next one ends.", async () => {
  const killed = start(true);
  const found = await left();
  process.kill(-(killed.pid ?? 0), "SIGKILL");
  await once(killed, "exit");
  const aliveBefore = alive(found);
  await rm(join(root, "left"));

  const [code] = await once(start(false), "exit");

  expect(aliveBefore).toEqual(found.pids);
  expect(alive(found)).toEqual([]);
  expect(existsSync(found.folder)).toBe(false);
  expect(code).toBe(0);
});
