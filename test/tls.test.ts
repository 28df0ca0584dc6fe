import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { authority, type Certificate, issue } from "../scheduler/testing/certificates.ts";
import { tryRun } from "../system/programs.ts";
import { expectConverged, idsOf } from "./testing/faults.ts";
import { simulated1p1d, type TestStack, testStack } from "./testing/stacks.ts";

// A scheduler that is reached by TLS and keys alone, on the real Pulumi engine and a real Docker Engine.
const name = "e2e-tls";
const base = simulated1p1d(18660);
const port = 18662;
const ours = authority("ours");
let stack: TestStack;
let folder: string;
let key: string;

/** As the scheduler's user in its container can read it. */
async function show({ cert, key }: Certificate): Promise<void> {
  await chmod(folder, 0o755);
  await writeFile(join(folder, "tls.crt"), cert);
  await writeFile(join(folder, "tls.key"), key);
}

/** A real completion, as a client asks that trusts `ca`. */
async function asked(ca: string): Promise<string> {
  const body = JSON.stringify({ model: "test-model", prompt: "Hello", max_tokens: 4 });
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  return new Promise((resolve, reject) => {
    const sending = request(
      `https://127.0.0.1:${port}/v1/completions`,
      { method: "POST", ca, headers, agent: false },
      async (answer) => resolve(`${answer.statusCode} ${await text(answer)}`),
    );
    sending.on("error", reject);
    sending.end(body);
  });
}

async function ascendPd(...args: string[]) {
  const { folder: files, env } = stack.local();
  const project = await mkdtemp(join(tmpdir(), "ascend-pd-project-"));
  await mkdir(join(project, "stacks"));
  await copyFile(join(files, `Pulumi.${name}.yaml`), join(project, "stacks", `Pulumi.${name}.yaml`));
  const ran = await tryRun(resolve("cli/ascend-pd.mjs"), args, { cwd: project, env });
  await rm(project, { recursive: true });
  return ran;
}

beforeAll(async () => {
  stack = await testStack(name);
  folder = await mkdtemp(join(tmpdir(), "ascend-pd-tls-"));
  await show(issue(ours));
});

afterAll(async () => {
  await stack.dispose();
  await rm(folder, { recursive: true });
});

test("A stack with TLS and keys for clients comes up, and is the same afterwards.", async () => {
  const made = await tryRun("cli/ascend-pd.mjs", ["key", "new", "alice", "--share=2", "--json"]);
  const { line, ...alice } = JSON.parse(made.stdout);
  key = alice.key;
  const scheduler = {
    ...base.scheduler,
    apiKeys: [line],
    maxAnswerTokens: 100,
    tls: { folder, ca: ours.cert },
  };
  await stack.configure({ ...base, scheduler });

  await expectConverged(stack);

  expect(await asked(ours.cert)).toMatch(/^200 .*"completion_tokens":4/s);
  await expect(asked(authority("others").cert)).rejects.toThrow();
  await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
});

test("ask, bench, status, doctor --logs and drift reach it by the stack's own authority.", async () => {
  const answered = await ascendPd("ask", name, "What is TLS?", "--max-tokens=4", "--json");
  const load = ["--concurrency=2", "--requests=4", "--warmup=0", "--input=8", "--output=4", "--json"];
  const bench = await ascendPd("bench", `--stack=${name}`, ...load);
  const status = await ascendPd("status", name, "--json");
  const logs = await ascendPd("doctor", name, "--logs", "--json");
  const drift = await ascendPd("drift", name, "--json");

  expect(answered.code, answered.stderr).toBe(0);
  expect(JSON.parse(answered.stdout)).toMatchObject({ prefill: "prefill-0", decode: "decode-0" });
  expect(bench.code, bench.stderr).toBe(0);
  expect(JSON.parse(bench.stdout)).toMatchObject({ results: [{ completed: 4, failed: 0 }] });
  expect(JSON.parse(status.stdout)).toMatchObject([
    { verdict: "healthy", endpoint: `https://127.0.0.1:${port}` },
  ]);
  expect(logs.stdout + logs.stderr).not.toMatch(/gave|certificate/i);
  expect(JSON.parse(drift.stdout).findings).toEqual([]);
});

test("Another certificate in the folder is shown by the scheduler that runs.", async () => {
  const before = await idsOf(name);
  const other = authority("another");
  await show(issue(other));

  await expect
    .poll(() => asked(other.cert).catch(() => ""), { timeout: 60_000, interval: 500 })
    .toMatch(/^200 /);

  expect(await idsOf(name)).toEqual(before);
});
