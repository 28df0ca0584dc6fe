import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { defaultCacheDir } from "./cache.ts";
import type { Context } from "./context.ts";
import { ensureDockerEngine, stopDockerEngine } from "./docker-engine.ts";
import { stateDir } from "./state.ts";

const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function emptyState(): Promise<NodeJS.ProcessEnv> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-state-"));
  folders.push(folder);
  const { DOCKER_HOST: _, ...env } = process.env;
  return { ...env, ASCEND_PD_STATE: folder };
}

test("State is where ASCEND_PD_STATE says, else below XDG_STATE_HOME, else below the home folder.", () => {
  expect(stateDir({ ASCEND_PD_STATE: "/a/b", XDG_STATE_HOME: "/c" })).toBe("/a/b");
  expect(stateDir({ XDG_STATE_HOME: "/c" })).toBe("/c/ascend-pd");
  expect(stateDir({})).toMatch(/\/\.local\/state\/ascend-pd$/);
});

test("An engine that DOCKER_HOST names and that does not answer is not replaced by another.", async () => {
  const env = { ...(await emptyState()), DOCKER_HOST: "unix:///nowhere/docker.sock" };

  const ensured = ensureDockerEngine(context, env);

  await expect(ensured).rejects.toMatchObject({
    message: expect.stringMatching(/^DOCKER_HOST is unix:\/\/\/nowhere\/docker.sock, but .* ENOENT/),
    fix: "start that engine, or unset DOCKER_HOST",
  });
});

test("Where no engine of ours runs there is none to stop.", async () => {
  expect(await stopDockerEngine(context, await emptyState())).toBe("not running");
});

test.skipIf(process.geteuid?.() !== 0)("A user who may start none is told what to do.", async () => {
  const env = await emptyState();
  process.seteuid?.(65534);
  try {
    const ensured = ensureDockerEngine(context, env);

    await expect(ensured).rejects.toMatchObject({
      name: "FixableError",
      fix: expect.stringMatching(/sudo (apt-get install docker.io|usermod -aG docker)/),
    });
  } finally {
    process.seteuid?.(0);
  }
});
