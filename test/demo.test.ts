import { type ChildProcess, spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { folderOfThisRun, foldersOfDeadRuns } from "./folders-of-runs.ts";
import { cloneProject, containersOf, removeContainersOf, simulated1p1d } from "./testing/stacks.ts";
import { noTestHosts } from "./testing/test-hosts.ts";

// The demo as a new user runs it: in a clone of its own, with state of its own.
const name = "sim-e2e";
let clone: string;
let state: string;

beforeAll(async () => {
  await removeContainersOf(name);
  clone = await cloneProject();
  for (state of await foldersOfDeadRuns("ascend-pd-demo-state-")) await takeDown();
  state = await folderOfThisRun("ascend-pd-demo-state-");
  await writeFile(
    join(clone, `stacks/Pulumi.${name}.yaml`),
    stringify({ config: { "ascend-pd:deployment": simulated1p1d(18200) } }),
  );
});

afterAll(async () => {
  await takeDown();
  await rm(clone, { recursive: true });
});

/** Every stack that is up, and then the state. */
async function takeDown(): Promise<void> {
  await demo("--down");
  await rm(state, { recursive: true, force: true });
}

test("Killed in the middle, the demo converges when it is run again.", async () => {
  const first = start("--stack", name);
  await said(first, /is started/);
  process.kill(-(first.pid ?? 0), "SIGKILL");

  const { code, output } = await demo("--stack", name);

  expect(output).toContain("a first completion came back");
  expect(code).toBe(0);
  expect(await containersOf(name)).toHaveLength(3);
});

test("A second run changes nothing, says so, and streams an answer all the same.", async () => {
  const { code, output } = await demo("--stack", name);

  expect(output).toContain("Nothing to change");
  expect(output).toMatch(/prefill +sim-e2e-prefill-0 +local +4,5 +18200/);
  expect(output).toMatch(/> Why do .*\n\n[A-Z][a-z]+( \w+\.?)+/);
  expect(output).toContain("http://127.0.0.1:18202");
  expect(code).toBe(0);
});

test("A stack that has no file is refused with the stacks there are.", async () => {
  const { code, output } = await demo("--stack", "sim-1p2d");

  expect(output).toContain("stacks/Pulumi.sim-1p2d.yaml cannot be read");
  expect(output).toContain("sim-2p2d");
  expect(output).not.toMatch(/^\s+at /m);
  expect(code).toBe(2);
});

test("A stack that serves another API than the demo speaks is refused.", async () => {
  const deployment = simulated1p1d(18200);
  const scheduler = { ...deployment.scheduler, useOpenai: false };
  await writeFile(
    join(clone, "stacks/Pulumi.generate.yaml"),
    stringify({ config: { "ascend-pd:deployment": { ...deployment, scheduler } } }),
  );

  const { code, output } = await demo("--stack", "generate");

  expect(output).toContain("stacks/Pulumi.generate.yaml serves vLLM's own API");
  expect(code).toBe(2);
  await rm(join(clone, "stacks/Pulumi.generate.yaml"));
});

test("Broken YAML is refused with line and column.", async () => {
  await writeFile(join(clone, "stacks/Pulumi.broken.yaml"), "config:\n  ascend-pd:deployment: { engine: [\n");

  const { code, output } = await demo("--stack", "broken");

  expect(output).toMatch(/stacks\/Pulumi\.broken\.yaml:\d+:\d+: /);
  expect(output).not.toMatch(/^\s+at /m);
  expect(code).toBe(2);
  await rm(join(clone, "stacks/Pulumi.broken.yaml"));
});

test("demo:down leaves no container and says what it left.", async () => {
  const { code, output } = await demo("--down", "--stack", name);

  expect(output).toContain("What is left");
  expect(code).toBe(0);
  expect(await containersOf(name)).toEqual([]);
});

// Killed and run again here too: what was interrupted lies on hosts that only SSH leads to.
test.skipIf((await noTestHosts()) !== undefined)(
  "With --hosts, the demo makes hosts on this machine and takes them away again.",
  async () => {
    const first = start("--hosts", "4");
    await said(first, /is started/);
    process.kill(-(first.pid ?? 0), "SIGKILL");

    const up = await demo("--hosts", "4");
    vi.stubEnv("DOCKER_HOST", "unix:///run/another.sock");
    const down = await demo("--down", "--hosts", "4");
    vi.unstubAllEnvs();

    expect(up.output).toContain("a first completion came back");
    expect(up.output).toMatch(/> Why do .*\n\n[A-Z][a-z]+( \w+\.?)+/);
    expect(up.code).toBe(0);
    expect(down.output).toContain("Nothing of sim-2p2d-four-hosts is deployed.");
    expect(down.code).toBe(0);
    const [, network] = /listens at http:\/\/(\d+\.\d+\.\d+)\.11:/.exec(up.output) ?? [];
    await expect.poll(ourAddresses, { timeout: 120_000 }).not.toContain(`${network}.1`);
  },
);

test("A number of hosts that no stack has is refused with those that one has.", async () => {
  const { code, output } = await demo("--hosts", "3");

  expect(output).toContain("there is no simulated stack for 3 hosts\nfix: --hosts 4");
  expect(code).toBe(2);
});

const ourAddresses = () =>
  Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);

function start(...args: string[]): ChildProcess {
  return spawn("node", ["toolchain/bootstrap.mjs", "cli/demo/main.ts", ...args], {
    cwd: clone,
    env: { ...process.env, ASCEND_PD_STATE: state },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function demo(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = start(...args);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

function said(child: ChildProcess, what: RegExp): Promise<void> {
  let output = "";
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (what.test(output)) resolve();
    });
    child.on("close", () => reject(new Error(`it ended before it said ${what}:\n${output}`)));
  });
}
