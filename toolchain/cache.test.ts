import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tryRun } from "../system/programs.ts";
import { cached, compiledIn, defaultCacheDir, isCache, openCache } from "./cache.ts";
import type { Context } from "./context.ts";

vi.setConfig({ testTimeout: 300_000 });

let folder: string;
let context: Context;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cache-"));
  context = { cacheDir: join(folder, "cache"), say: () => {} };
});

afterEach(() => rm(folder, { recursive: true }));

/** Makes the part in a process of its own, which writes "1" to a log for each time that it really makes it. */
function makeInProcess(body: string): ReturnType<typeof tryRun> {
  const script = `
    import { appendFileSync, writeFileSync } from "node:fs";
    import { cached } from ${JSON.stringify(join(import.meta.dirname, "cache.ts"))};
    const context = { cacheDir: ${JSON.stringify(context.cacheDir)}, say: () => {} };
    await cached(context, "part-1", async (partial) => {
      appendFileSync(${JSON.stringify(join(folder, "log"))}, "1");
      writeFileSync(partial + "/half", "half");
      ${body}
      writeFileSync(partial + "/whole", "whole");
    });`;
  return tryRun(process.execPath, ["--input-type=module-typescript", "--eval", script]);
}

/** What is in the cache but its mark and its locks. */
async function parts(): Promise<string[]> {
  return (await readdir(context.cacheDir)).filter((name) => !["CACHEDIR.TAG", "locks"].includes(name));
}

test("A part is made once, and found afterwards.", async () => {
  let made = 0;
  const make = async (partial: string) => {
    made++;
    await writeFile(join(partial, "file"), "content");
  };

  const first = await cached(context, "tools/part-1", make);
  const second = await cached(context, "tools/part-1", make);

  expect(second).toBe(first);
  expect(await readFile(join(first, "file"), "utf8")).toBe("content");
  expect(made).toBe(1);
});

test("A part whose making failed is not there, and can be made again.", async () => {
  const failing = cached(context, "part-1", async () => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await parts()).toEqual([]);

  await cached(context, "part-1", (partial) => writeFile(join(partial, "file"), ""));

  expect(await readdir(join(context.cacheDir, "part-1"))).toEqual(["file"]);
});

test("Processes that want the same part at once make it once.", async () => {
  const slowly = "await new Promise((resolve) => setTimeout(resolve, 300));";

  const runs = await Promise.all([1, 2, 3].map(() => makeInProcess(slowly)));

  expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([1, 2, 3].map(() => [0, ""]));
  expect(await readFile(join(folder, "log"), "utf8")).toBe("1");
});

test("What a killed process left half made is not taken for the part, and goes.", async () => {
  await makeInProcess('process.kill(process.pid, "SIGKILL");');
  expect(await parts()).toEqual([expect.stringContaining(".partial-")]);

  await makeInProcess("");

  expect(await parts()).toEqual(["part-1"]);
  expect((await readdir(join(context.cacheDir, "part-1"))).sort()).toEqual(["half", "whole"]);
});

test("Only a folder that was empty becomes a cache that may be deleted.", async () => {
  const home = { ...context, cacheDir: join(folder, "home") };
  await mkdir(home.cacheDir);
  await writeFile(join(home.cacheDir, "letter"), "");

  await openCache(context);
  await openCache(home);

  expect(isCache(context)).toBe(true);
  expect(isCache(home)).toBe(false);
});

test("The cache is where the user says, else where the desktop standard says.", () => {
  expect(defaultCacheDir({ ASCEND_PD_CACHE: "/x" })).toBe("/x");
  expect(defaultCacheDir({ ASCEND_PD_CACHE: "", XDG_CACHE_HOME: "/c" })).toBe("/c/ascend-pd");
  expect(defaultCacheDir({})).toMatch(/\/\.cache\/ascend-pd$/);
});

test("A cache that was deleted while a program of ours went on is a cache again.", async () => {
  await mkdir(compiledIn(context), { recursive: true });

  await openCache(context);

  expect(isCache(context)).toBe(true);
});
