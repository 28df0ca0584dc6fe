import { describe, expect, test } from "vitest";
import { greetEngine } from "../docker/api.ts";
import { defaultCacheDir } from "./cache.ts";
import type { Context } from "./context.ts";
import { ensureDockerEngine } from "./docker-engine.ts";

const minutes = 60_000;
const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };

describe.skipIf(process.geteuid?.() !== 0)("as root", { timeout: 10 * minutes }, () => {
  test("An engine is found or started, and found again.", async () => {
    const first = await ensureDockerEngine(context);
    const second = await ensureDockerEngine(context);

    expect(second.env).toEqual(first.env);
    const host = first.env.DOCKER_HOST ?? process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
    expect(second.choice.chosen).toContain(host);
    expect((await greetEngine(host)).answers).toBe(true);
  });

  test("Our engine, named by DOCKER_HOST, is still ours.", async () => {
    const { env } = await ensureDockerEngine(context);

    const again = await ensureDockerEngine(context, { ...process.env, ...env });

    expect(again.env).toEqual(env);
  });
});
