import { afterAll, beforeAll, expect, test } from "vitest";
import { expectedText, expectedTokens } from "../simulator/oracle.ts";
import { tryRun } from "../system/programs.ts";
import { expectAsPlanned } from "./testing/as-planned.ts";
import {
  containersOf,
  inspectContainer,
  logOf,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";

// One stack from nothing to nothing, on the real Pulumi engine and a real Docker Engine; each test goes on from
// where the one before it stopped.
const name = "e2e-1p1d";
const base = simulated1p1d(18100);
/** Data that must stay data on its way through YAML, Pulumi, the Docker API and each image's entry point. */
const hostile = "$(touch /tmp/a); `id` $HOME | 'q' \"q\" && é # \\";
const deployment = {
  ...base,
  engine: { ...base.engine, extraArgs: ["--inter-token-ms=5"], extraEnv: { NOTE: hostile } },
  model: { ...base.model, quantization: hostile },
};
const movedDecode = { ...deployment, decode: [{ host: "local", devices: [6, 7], port: 18109 }] };
let stack: TestStack;

beforeAll(async () => {
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

test("A wrong stack file is refused with every problem at once and changes nothing.", async () => {
  await stack.configure({
    ...deployment,
    model: { ...deployment.model, maxNumBatchedTokens: 1024 },
    decode: [{ host: "local", devices: [5, 6], port: 18100 }],
  });

  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

  expect(code).not.toBe(0);
  expect(output.match(/PD\d{3}/g)).toHaveLength(3);
  expect(output).toContain("NPU 5 on local is already used by prefill[0]");
  expect(output).not.toMatch(/^\s+at /m);
  expect(await containersOf(name)).toEqual([]);
});

test("up brings all containers and ends after a completion came back through the scheduler.", async () => {
  await stack.configure(deployment);

  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

  expect(output).toContain("http://127.0.0.1:18102");
  expect(code).toBe(0);
  expect(await containersOf(name)).toEqual([`${name}-decode-0`, `${name}-prefill-0`, `${name}-scheduler`]);
});

test("The scheduler gives exactly the tokens that the engines were asked for.", async () => {
  const body =
    '{"model":"test-model","prompt":"Exact to the token.","max_tokens":24,"seed":9007199254740993}';

  const response = await fetch("http://127.0.0.1:18102/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });

  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ choices: [{ text: expectedText(body, 24) }] });
});

test("No container logs a word of prompt or answer.", async () => {
  const body = '{"model":"test-model","prompt":"A secret about zebras.","max_tokens":16}';
  const headers = { "content-type": "application/json", authorization: "Bearer sk-not-for-logs" };

  await fetch("http://127.0.0.1:18102/v1/completions", { method: "POST", headers, body });

  const words = ["zebras", "sk-not-for-logs", ...expectedTokens(body, 16)].map((token) => token.trim());
  for (const { name } of planOf(stack.name, deployment).containers) {
    const log = await logOf(name);
    expect(words.filter((word) => log.includes(word))).toEqual([]);
  }
});

test("Every container is what the Plan says, by the engine's own word.", async () => {
  for (const plan of planOf(name, deployment).containers) await expectAsPlanned(name, plan);
});

test("A preview right after up shows no changes.", async () => {
  const { code, output } = await stack.pulumi("preview", "--expect-no-changes");

  expect(output).not.toMatch(/to (create|update|replace|delete)/);
  expect(code).toBe(0);
});

test("The policy pack passes the deployment.", async () => {
  const { code, output } = await stack.pulumi("preview", "--policy-pack", "policies");

  expect(output).toContain("ascend-pd");
  expect(code).toBe(0);
});

test("A changed port shows in the preview as exactly the resources that it touches.", async () => {
  await stack.configure(movedDecode);

  const changes = await stack.previewed();

  expect(changes.replace).toEqual(
    [
      `${name}-decode-0`,
      `${name}-decode-0-membership`,
      `${name}-decode-0-ready`,
      `${name}-scheduler-announced`,
      `${name}-scheduler-first-completion`,
      `${name}-scheduler-settled`,
    ].sort(),
  );
});

test("`ascend-pd diff` says what the engine's preview means.", async () => {
  const { output } = await stack.pulumi("preview", "--json");

  const { code, stdout } = await tryRun("cli/ascend-pd.mjs", ["diff", "-"], { input: output });

  expect(stdout).toContain("- restarts `decode-0` on `local` (NPUs 6,7) because `--port` changes; ");
  expect(stdout).toContain("- untouched: prefill\n");
  expect(code).toBe(2);
});

test("up moves the instance, and the answers are the same as before.", async () => {
  const prefillBefore = (await inspectContainer(`${name}-prefill-0`)).Id;

  const { code } = await stack.pulumi("up", "--yes", "--skip-preview");

  const { HostConfig, Id } = await inspectContainer(`${name}-prefill-0`);
  expect(code).toBe(0);
  expect(Id).toBe(prefillBefore);
  expect(HostConfig.Privileged).toBe(false);
  expect((await inspectContainer(`${name}-decode-0`)).Config.Cmd).toContain("--port=18109");
});

test("Destroy leaves no container.", async () => {
  const { code } = await stack.pulumi("destroy", "--yes", "--skip-preview");

  expect(code).toBe(0);
  expect(await containersOf(name)).toEqual([]);
});
