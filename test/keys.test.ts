import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { administered } from "../hosts/administered.ts";
import { askInContainer } from "../hosts/administration.ts";
import { tryRun } from "../system/programs.ts";
import { expectConverged, idsOf, stateOf } from "./testing/faults.ts";
import {
  inspectContainer,
  logOf,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";

// Engines and a scheduler that want keys, on the real Pulumi engine and a real Docker Engine.
const name = "e2e-keys";
const base = simulated1p1d(18640);
const deployment = { ...base, engine: { ...base.engine, secretEnv: ["VLLM_API_KEY"] } };
const [first, second] = [1, 2].map(() => `canary${randomBytes(12).toString("hex")}`);
const containers = ["prefill-0", "decode-0", "scheduler"].map((one) => `${name}-${one}`);
let stack: TestStack;
let printed = "";

beforeAll(async () => {
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

async function setKey(value: string | undefined): Promise<void> {
  const { args, env } = stack.local();
  const words = ["config", "set", "--secret", "--path", "ascend-pd:secretEnv.VLLM_API_KEY", ...args];
  const { code, stderr } = await tryRun("pulumi", words, { env, input: `${value}` });
  expect(code, stderr).toBe(0);
}

async function up() {
  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
  printed += output;
  return { code, output };
}

/** What a command prints in a project with the stack's file. */
async function ascendPd(...args: string[]): Promise<string> {
  const { folder, env } = stack.local();
  const project = await mkdtemp(join(tmpdir(), "ascend-pd-project-"));
  await mkdir(join(project, "stacks"));
  await copyFile(join(folder, `Pulumi.${name}.yaml`), join(project, "stacks", `Pulumi.${name}.yaml`));
  const { stdout, stderr } = await tryRun(resolve("cli/ascend-pd.mjs"), args, { cwd: project, env });
  await rm(project, { recursive: true });
  printed += stdout + stderr;
  return stdout;
}

const body = '{"model":"test-model","prompt":"Hello","max_tokens":4}';

async function askedAt(port: number, headers: Record<string, string> = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

test("A stack whose engines want a key comes up, and the scheduler shows it for its clients.", async () => {
  await stack.configure(deployment);
  await setKey(first);

  const { code, output } = await up();

  expect(code, output).toBe(0);
  expect(await askedAt(18640)).toEqual({ status: 401, text: '{"error":"Unauthorized"}' });
  expect((await askedAt(18640, { authorization: `Bearer ${first}` })).status).toBe(200);
  expect((await askedAt(18642)).status).toBe(200);
  expect((await askedAt(18642, { authorization: "Bearer a-clients-own" })).status).toBe(200);
});

test("ask and status work on it as on any other.", async () => {
  const asked = await ascendPd("ask", name, "What is a key?", "--max-tokens=4", "--json");
  const status = await ascendPd("status", name, "--json");

  expect(JSON.parse(asked)).toMatchObject({ prefill: "prefill-0", decode: "decode-0" });
  expect(JSON.parse(status)).toMatchObject([{ verdict: "healthy" }]);
});

test("The key is plain text in the environment of the containers that need it, and nowhere else.", async () => {
  const inspected = await Promise.all(
    containers.map(async (container) => {
      const { Config, ...rest } = await inspectContainer(container);
      expect(Config.Env).toContain(`VLLM_API_KEY=${first}`);
      return JSON.stringify({ ...rest, Config: { ...Config, Env: [] } });
    }),
  );
  const folder = stack.local().backend;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), "utf8")),
  );
  const logs = await Promise.all(containers.map(logOf));

  expect(files.length).toBeGreaterThan(0);
  for (const text of [printed, await stateOf(stack), ...files, ...inspected, ...logs])
    expect(text).not.toContain(first);
});

test("Another instance joins the scheduler that runs, after it has answered by the key.", async () => {
  const [decode] = deployment.decode;
  const more = { ...decode, devices: [2, 3], port: 18643 };
  await stack.configure({ ...deployment, decode: [decode, more] });
  await setKey(first);
  const before = await idsOf(name);

  const { code, output } = await up();

  expect(code, output).toBe(0);
  expect((await idsOf(name))[`${name}-scheduler`]).toBe(before[`${name}-scheduler`]);
  const scheduler = administered(planOf(name, deployment));
  const answer = scheduler && (await askInContainer(scheduler, "/state"));
  expect(answer).toMatchObject({
    body: { instances: [{ ready: true }, { ready: true }, { name: "decode-1", ready: true }] },
  });
});

test("A new key replaces the engines and the scheduler, and afterwards only it is taken.", async () => {
  await stack.configure(deployment);
  await setKey(second);

  await expectConverged(stack);

  expect((await askedAt(18640, { authorization: `Bearer ${first}` })).status).toBe(401);
  expect((await askedAt(18640, { authorization: `Bearer ${second}` })).status).toBe(200);
  expect((await askedAt(18642)).status).toBe(200);
  expect(await stateOf(stack)).not.toContain(second);
});

interface Made {
  readonly key: string;
  readonly line: string;
}

const newKey = async (client: string): Promise<Made> => {
  const { stdout } = await tryRun("cli/ascend-pd.mjs", ["key", "new", client, "--json"]);
  return JSON.parse(stdout);
};

const statusOf = async (key: string) => (await askedAt(18642, { authorization: `Bearer ${key}` })).status;

let alice: Made;

test("With keys for clients the stack comes up as well: `up` and `ask` need none of them.", async () => {
  alice = await newKey("alice");
  await stack.configure({ ...deployment, scheduler: { ...base.scheduler, apiKeys: [alice.line] } });
  await setKey(second);

  await expectConverged(stack);

  expect((await askedAt(18642)).status).toBe(401);
  expect([await statusOf(alice.key), await statusOf(`${second}`)]).toEqual([200, 401]);
  expect(JSON.parse(await ascendPd("ask", name, "What is a key?", "--max-tokens=4", "--json"))).toMatchObject(
    {
      prefill: "prefill-0",
      decode: "decode-0",
    },
  );
  expect(await stateOf(stack)).not.toContain(alice.key);
});

test("Other keys are the running scheduler's at once, which drift sees as planned.", async () => {
  const bob = await newKey("bob");
  await stack.configure({ ...deployment, scheduler: { ...base.scheduler, apiKeys: [bob.line] } });
  await setKey(second);
  const before = await idsOf(name);

  await expectConverged(stack);

  expect(await idsOf(name)).toEqual(before);
  expect([await statusOf(alice.key), await statusOf(bob.key)]).toEqual([401, 200]);
  expect(JSON.parse(await ascendPd("drift", name, "--json")).findings).toEqual([]);
});
