import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tryRun } from "../../system/programs.ts";
import {
  expectConverged,
  expectFailure,
  idsOf,
  isRunning,
  removeForeign,
  startForeign,
  up,
} from "../testing/faults.ts";
import { containersOf, simulated1p1d, type TestStack, testStack } from "../testing/stacks.ts";

// Pulumi killed while it creates, replaces and deletes, and two at once; each test leaves the stack as it should be.
const name = "faults-interrupted";
const base = simulated1p1d(18520);
const decode0 = `${name}-decode-0`;
const bystander = `${name}-of-somebody-else`;
let stack: TestStack;
let bystanderId: string;
/** A project with this stack's file where `ascend-pd` and `pulumi` look for it. */
let project: string;

beforeAll(async () => {
  stack = await testStack(name);
  bystanderId = await startForeign(bystander);
  await stack.configure(base);
  project = await mkdtemp(join(tmpdir(), "ascend-pd-project-"));
  for (const file of ["Pulumi.yaml", "index.ts"]) await copyFile(file, join(project, file));
});

afterAll(async () => {
  await stack.dispose();
  const unharmed = await isRunning(bystanderId);
  await removeForeign(bystander);
  await rm(project, { recursive: true });
  expect(unharmed).toBe(true);
});

test("Killed while it creates a container: up names the lock, recover clears it, up converges.", async () => {
  const first = start("up");
  while (!(await containersOf(name)).includes(decode0)) await sleep(5);
  await kill(first);

  const locked = await up(stack);
  const recovered = await recover();

  expectFailure(locked, "the stack is currently locked by 1 lock(s)", "`pulumi cancel`", `pid ${first.pid}`);
  expect(recovered.stdout).toContain("clearing the lock of a pulumi that was killed");
  expect(recovered.code, recovered.stderr).toBe(0);
  await expectConverged(stack);
});

test("Killed while it replaces a container: recover, and up converges.", async () => {
  const before = await idsOf(name);
  await stack.configure({ ...base, engine: { ...base.engine, extraEnv: { NOTE: "changed" } } });
  const first = start("up");
  while ((await idsOf(name))[decode0] === before[decode0]) await sleep(5);
  await kill(first);

  const recovered = await recover();

  expect(recovered.code, recovered.stderr).toBe(0);
  await expectConverged(stack);
});

test("Killed while it deletes: the next destroy takes the rest away.", async () => {
  const first = start("destroy");
  while ((await containersOf(name)).length === 3) await sleep(5);
  await kill(first);

  await recover();
  const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview", "--refresh");

  expect(code, output).toBe(0);
  expect(await containersOf(name)).toEqual([]);
});

test("Of two at once one is told who works on the stack; the other is not disturbed.", async () => {
  const first = start("up");
  while ((await containersOf(name)).length === 0) await sleep(20);

  const second = await up(stack);
  const [code] = await once(first, "exit");

  expectFailure(second, "the stack is currently locked by 1 lock(s)", `pid ${first.pid}`);
  expect(code).toBe(0);
  await expectConverged(stack);
});

test("With nothing interrupted, recover says so and changes nothing.", async () => {
  const before = await idsOf(name);

  const { code, stdout } = await recover();

  expect(stdout).toBe(`nothing of ${name} was interrupted\n`);
  expect(code).toBe(0);
  expect(await idsOf(name)).toEqual(before);
});

function start(command: "up" | "destroy"): ChildProcess {
  const { args, env } = stack.local();
  const flags = ["--yes", "--skip-preview", "--non-interactive", ...args];
  return spawn("pulumi", [command, ...flags], { env, detached: true, stdio: "ignore" });
}

/** As the kernel would end it. Its plugins live on, and may even finish what they were doing. */
async function kill(child: ChildProcess): Promise<void> {
  process.kill(child.pid ?? 0, "SIGKILL");
  await once(child, "exit");
}

async function recover() {
  const { folder, env } = stack.local();
  const file = `Pulumi.${name}.yaml`;
  await mkdir(join(project, "stacks"), { recursive: true });
  await copyFile(join(folder, file), join(project, "stacks", file));
  return tryRun(resolve("cli/ascend-pd.mjs"), ["recover", name], { cwd: project, env });
}
