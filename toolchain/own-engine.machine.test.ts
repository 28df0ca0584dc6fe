import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { callEngine, expectEngine, greetEngine } from "../docker/api.ts";
import { processesUsing } from "../system/processes.ts";
import { onPath, pathForRoot } from "../system/programs.ts";
import { defaultCacheDir } from "./cache.ts";
import type { Context } from "./context.ts";
import { ensureDockerEngine } from "./docker-engine.ts";
import {
  holdingEngine,
  type OwnEngine,
  ownEngine,
  removeEngine,
  startEngine,
  stopEngine,
} from "./own-engine.ts";

const minutes = 60_000;
const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };
let dockerd: string;

// Each test has an engine of its own, which no other test knows.
describe.skipIf(process.geteuid?.() !== 0)("an engine of our own", { timeout: 2 * minutes }, () => {
  const started: { engine: OwnEngine; state: string }[] = [];

  beforeAll(async () => {
    await ensureDockerEngine(context);
    dockerd = (await onPath("dockerd", { PATH: pathForRoot() })) ?? "";
    expect(dockerd, "tests as root need dockerd on this machine").not.toBe("");
  }, 10 * minutes);

  afterEach(async () => {
    for (const { engine, state } of started.splice(0)) {
      await removeEngine(context, engine);
      await rm(state, { recursive: true, force: true });
    }
  });

  async function newEngine(): Promise<OwnEngine> {
    const state = await mkdtemp(join(tmpdir(), "ascend-pd state-"));
    const engine = ownEngine(state);
    started.push({ engine, state });
    return engine;
  }

  test("Its containers outlive its sudden death and are taken over as they are.", async () => {
    const engine = await newEngine();
    await startEngine(context, engine, dockerd);
    const id = await runContainer(engine);
    const before = await stateOf(engine, id);

    await killEngine(engine);
    await startEngine(context, engine, dockerd);

    const after = await stateOf(engine, id);
    expect(after).toEqual(before);
    expect(after.Running).toBe(true);
  });

  test("An ordered stop lets containers end, and those with a restart policy come back.", async () => {
    const engine = await newEngine();
    await startEngine(context, engine, dockerd);
    const id = await runContainer(engine);
    const before = await stateOf(engine, id);

    const first = await stopEngine(context, engine);
    const second = await stopEngine(context, engine);
    const alive = existsSync(`/proc/${before.Pid}`);
    await startEngine(context, engine, dockerd);

    const after = await stateOf(engine, id);
    expect([first, second, alive]).toEqual(["stopped", "not running", false]);
    expect(await logOf(engine, id)).toContain("asked to stop");
    expect(after.Running).toBe(true);
    expect(after.Pid).not.toBe(before.Pid);
  });

  test("Removing what a crash has left behind ends its containers, mounts and data.", async () => {
    const engine = await newEngine();
    await startEngine(context, engine, dockerd);
    const id = await runContainer(engine);
    const { Pid } = await stateOf(engine, id);
    await killEngine(engine);

    await removeEngine(context, engine);

    expect(existsSync(`/proc/${Pid}`)).toBe(false);
    expect(existsSync(engine.dataRoot)).toBe(false);
    expect(existsSync(engine.runDir)).toBe(false);
    const mounts = await readFile("/proc/self/mountinfo", "utf8");
    expect(mounts).not.toContain(engine.dataRoot);
  });

  test("runs at the same time start one engine.", async () => {
    const engine = await newEngine();
    const said: string[] = [];
    const listening = { ...context, say: (line: string) => said.push(line) };
    const start = () => holdingEngine(listening, engine, () => startEngine(listening, engine, dockerd));

    await Promise.all([start(), start(), start()]);

    expect(said.filter((line) => line.startsWith("starting a Docker Engine"))).toHaveLength(1);
    expect(await processesUsing(engine.runDir, /^dockerd$/)).toHaveLength(1);
  });

  test("Process ids that a crash has left behind do not keep it from starting, nor their new owners from living.", async () => {
    const engine = await newEngine();
    await mkdir(join(engine.runDir, "exec/containerd"), { recursive: true });
    await writeFile(join(engine.runDir, "docker.pid"), String(process.pid));
    await writeFile(join(engine.runDir, "exec/containerd/containerd.pid"), String(process.pid));

    await startEngine(context, engine, dockerd);

    expect((await greetEngine(engine.host)).answers).toBe(true);
    expect(await stopEngine(context, engine)).toBe("stopped");
  });

  test("An engine that cannot start shows the end of its log.", async () => {
    const engine = await newEngine();
    await mkdir(engine.dataRoot, { recursive: true });
    await writeFile(join(engine.dataRoot, "containers"), "where a folder must be");

    const start = startEngine(context, engine, dockerd);

    await expect(start).rejects.toThrow(/dockerd did not start.*not a directory/s);
    expect((await greetEngine(engine.host)).answers).toBe(false);
  });
});

interface ContainerState {
  readonly Pid: number;
  readonly Running: boolean;
  readonly StartedAt: string;
}

/** A container with no image to speak of: a shell on the host's own programs. */
async function runContainer(engine: OwnEngine): Promise<string> {
  const emptyTar = Readable.from([Buffer.alloc(1024)]);
  await expectEngine(engine.host, "/images/create?fromSrc=-&repo=empty", { method: "POST", tar: emptyTar });
  const created = await expectEngine(engine.host, "/containers/create", {
    method: "POST",
    json: {
      Image: "empty",
      Cmd: ["/bin/sh", "-c", "trap 'echo asked to stop; exit' TERM; echo up; sleep 1000 & wait"],
      HostConfig: {
        Binds: ["/bin", "/lib", "/lib64", "/usr"]
          .filter((path) => existsSync(path))
          .map((path) => `${path}:${path}:ro`),
        NetworkMode: "host",
        RestartPolicy: { Name: "unless-stopped" },
      },
    },
  });
  const id: string = JSON.parse(created).Id;
  await expectEngine(engine.host, `/containers/${id}/start`, { method: "POST" });
  await expect.poll(() => logOf(engine, id), { timeout: 120_000 }).toContain("up");
  return id;
}

async function stateOf(engine: OwnEngine, id: string): Promise<ContainerState> {
  const { Pid, Running, StartedAt } = JSON.parse(
    await expectEngine(engine.host, `/containers/${id}/json`),
  ).State;
  return { Pid, Running, StartedAt };
}

async function logOf(engine: OwnEngine, id: string): Promise<string> {
  return (await callEngine(engine.host, `/containers/${id}/logs?stdout=1&stderr=1`)).body;
}

/** Ends dockerd and its containerd the way a crash or the kernel's OOM killer does. */
async function killEngine(engine: OwnEngine): Promise<void> {
  const pids = () => processesUsing(engine.runDir, /^(dockerd|containerd)$/);
  for (const pid of await pids()) process.kill(pid, "SIGKILL");
  await expect.poll(pids).toEqual([]);
}
