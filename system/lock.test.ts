import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lock } from "./lock.mjs";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-"));
  file = join(folder, "lock");
});

afterEach(() => rmSync(folder, { recursive: true }));

test("One holder at a time, also within a process.", async () => {
  let inside = 0;
  let most = 0;
  const hold = async () => {
    const release = await lock(file, () => {});
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 20));
    inside--;
    release();
  };

  await Promise.all([hold(), hold(), hold()]);

  expect(most).toBe(1);
});

test("The lock of a killed process is free, also while what it has started lives on.", async () => {
  const holder = await startHolder();
  let waited = false;
  const waiting = lock(file, () => {
    waited = true;
  });
  const waitedWhileItLived = waited;

  holder.child.kill("SIGKILL");
  const release = await waiting;

  release();
  expect(waitedWhileItLived).toBe(true);
  expect(() => process.kill(holder.grandchild, 0)).not.toThrow();
  process.kill(holder.grandchild, "SIGKILL");
});

test("Whoever takes it anew after its folder was emptied has it alone.", async () => {
  const first = await lock(file, () => {});
  const waiting = lock(file, () => rmSync(file));

  first();
  const second = await waiting;

  const inode = statSync(file).ino;
  let waited = false;
  const third = lock(file, () => {
    waited = true;
    second();
  });
  (await third)();
  expect(waited).toBe(true);
  expect(statSync(file).ino).toBe(inode);
});

test.skipIf(process.geteuid?.() !== 0)("Another user cannot hold it.", async () => {
  const release = await lock(file, () => {});
  release();
  const asNobody = { uid: 65534, gid: 65534, encoding: "utf8" } as const;
  spawnSync("chmod", ["711", folder]);

  const held = spawnSync("flock", ["-n", file, "echo", "held"], asNobody);

  expect(held.stdout).toBe("");
  expect(held.stderr).toContain("Permission denied");
});

async function startHolder() {
  const script = `
    import { spawn } from "node:child_process";
    import { lock } from ${JSON.stringify(join(import.meta.dirname, "lock.mjs"))};
    await lock(${JSON.stringify(file)}, () => {});
    console.log(spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).pid);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return { child, grandchild: Number(line) };
}
