import { link, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { letNixlWait } from "./packages.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vllm-packages-"));
});

afterAll(() => rm(folder, { recursive: true }));

test("NIXL is made to wait where it is installed, and in uv's cache it stays as it was.", async () => {
  const site = join(folder, "site");
  const installed = join(site, "nixl_cu13/_api.py");
  const inCache = join(folder, "cached.py");
  await mkdir(join(site, "nixl_cu13"), { recursive: true });
  await writeFile(inCache, "x = 1\n        agent_config.pthrDelay = 0\n");
  await link(inCache, installed);

  await letNixlWait(site);

  expect(await readFile(installed, "utf8")).toBe("x = 1\n        agent_config.pthrDelay = 1000\n");
  expect(await readFile(inCache, "utf8")).toBe("x = 1\n        agent_config.pthrDelay = 0\n");
});
