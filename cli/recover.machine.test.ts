import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { callEngine, defaultHost, expectEngine } from "../docker/api.ts";
import { run } from "../system/programs.ts";
import { recoverStack } from "./recover.ts";
import type { LocalStack } from "./stack.ts";
import { inTemporaryProject, projectStack } from "./testing/pulumi-project.ts";

inTemporaryProject();

const engine = process.env.DOCKER_HOST || defaultHost;
const name = `ascend-pd-recover-${process.pid}`;
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) if (isAlive(child)) await kill(child);
  await callEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" });
});

test("After a pulumi that was killed while it created a container, lock and container are cleared.", async () => {
  const stack = await projectStack(creating(name));
  await killedWhileCreating(stack);
  const said: string[] = [];

  await recoverStack(stack, (line) => said.push(line));

  expect(said).toEqual([
    "clearing the lock of a pulumi that was killed while it worked on test",
    `removing ${name}: its creation was interrupted`,
  ]);
  expect(await exists(name)).toBe(false);
  expect(await locksOf(stack)).toEqual([]);
  expect(await pendingOf(stack)).toEqual([]);
});

test("A container is looked for on the engine of its provider, whatever DOCKER_HOST says.", async () => {
  const stack = await projectStack(
    creating(name, `{ provider: new docker.Provider("far", { host: "${engine}" }) }`),
  );
  await killedWhileCreating(stack);
  const elsewhere = { ...stack, env: { ...stack.env, DOCKER_HOST: "unix:///nowhere/docker.sock" } };

  await recoverStack(elsewhere, () => {});

  expect(await exists(name)).toBe(false);
});

test.each([
  ["without our label", {}],
  ["of another stack", { "ascend-pd.stack": "other" }],
])("A container %s that has the name is never removed.", async (_, labels) => {
  const stack = await projectStack(creating(name));
  await killedWhileCreating(stack);
  await expectEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" });
  const id = await createContainer(name, labels);
  const said: string[] = [];

  await recoverStack(stack, (line) => said.push(line));

  expect(said).toHaveLength(1);
  expect(await exists(id)).toBe(true);
  expect(await pendingOf(stack)).toEqual([]);
});

test("A container that was never made is no reason to fail.", async () => {
  const stack = await projectStack(creating(name));
  await killedWhileCreating(stack);
  await expectEngine(engine, `/containers/${name}?force=1`, { method: "DELETE" });

  await recoverStack(stack, () => {});

  expect(await pendingOf(stack)).toEqual([]);
});

test("A pulumi that still works is waited for.", async () => {
  const stack = await projectStack(
    `import { existsSync } from "node:fs";
     while (!existsSync("go-on")) await new Promise((resolve) => setTimeout(resolve, 50));`,
  );
  const up = startUp(stack);
  await expect.poll(() => locksOf(stack), { timeout: 60_000 }).toHaveLength(1);
  const ends: string[] = [];
  up.on("exit", (code) => ends.push(`pulumi ended with ${code}`));

  await recoverStack(stack, (line) => {
    ends.push(line);
    void writeFile("go-on", "");
  });

  expect(ends).toEqual([
    `waiting for pulumi (process ${up.pid}), which still works on test`,
    "pulumi ended with 0",
  ]);
});

test("A lock whose process id has passed to another program is cleared.", async () => {
  const stack = await projectStack("");
  const lock = { pid: process.pid, username: "me", hostname: hostname(), timestamp: "2026-01-01T00:00:00Z" };
  await mkdir(lockFolder(stack), { recursive: true });
  await writeFile(join(lockFolder(stack), "0123.json"), JSON.stringify(lock));

  await recoverStack(stack, () => {});

  expect(await locksOf(stack)).toEqual([]);
});

test("A stack that is in order is left as it is, without a word.", async () => {
  const stack = await projectStack(`export const answer = 42;`);
  await once(startUp(stack), "exit");
  const before = await exported(stack);
  const said: string[] = [];

  await recoverStack(stack, (line) => said.push(line));

  expect(said).toEqual([]);
  expect(await exported(stack)).toEqual(before);
});

/** A program whose container exists long before its creation ends: it is waited for to be healthy, and never is. */
function creating(container: string, options = "{}"): string {
  const args = {
    name: container,
    image: process.env.ASCEND_PD_NODE_IMAGE,
    entrypoints: ["node", "-e", "setInterval(() => {}, 1000)"],
    networkMode: "host",
    labels: [{ label: "ascend-pd.stack", value: "test" }],
    healthcheck: { tests: ["CMD", "false"] },
    wait: true,
    waitTimeout: 300,
  };
  return `import * as docker from "@pulumi/docker";
          new docker.Container("container", ${JSON.stringify(args)}, ${options});`;
}

async function killedWhileCreating(stack: LocalStack): Promise<void> {
  const up = startUp(stack);
  await expect.poll(() => exists(name), { timeout: 60_000 }).toBe(true);
  await kill(up);
  expect(await locksOf(stack)).toHaveLength(1);
  expect(await pendingOf(stack)).toHaveLength(1);
}

/** As a closed terminal or the kernel would end it. */
async function kill(child: ChildProcess): Promise<void> {
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await once(child, "exit");
}

function startUp(stack: LocalStack): ChildProcess {
  const child = spawn("pulumi", ["up", "--yes", "--skip-preview", "--non-interactive", ...stack.args], {
    env: stack.env,
    detached: true,
    stdio: "ignore",
  });
  children.push(child);
  return child;
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function lockFolder(stack: LocalStack): string {
  return join(stack.backend, ".pulumi/locks/organization/ascend-pd", stack.name);
}

async function locksOf(stack: LocalStack): Promise<string[]> {
  return readdir(lockFolder(stack)).catch(() => []);
}

async function exported(stack: LocalStack) {
  const text = await run("pulumi", ["stack", "export", "--stack", stack.name], { env: stack.env });
  return JSON.parse(text).deployment;
}

async function pendingOf(stack: LocalStack): Promise<unknown[]> {
  return (await exported(stack)).pending_operations ?? [];
}

async function createContainer(container: string, labels: object): Promise<string> {
  const json = { Image: process.env.ASCEND_PD_NODE_IMAGE, Labels: labels };
  const created = await expectEngine(engine, `/containers/create?name=${container}`, {
    method: "POST",
    json,
  });
  return JSON.parse(created).Id;
}

async function exists(container: string): Promise<boolean> {
  return (await callEngine(engine, `/containers/${container}/json`)).status === 200;
}
