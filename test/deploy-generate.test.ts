import { afterAll, beforeAll, expect, test } from "vitest";
import { expectedText } from "../simulator/oracle.ts";
import { simulated1p1d, type TestStack, testStack } from "./testing/stacks.ts";

// USE_OPENAI=0 reaches every container, the hand-over follows it, and so does the completion that accepts the stack.
const base = simulated1p1d(18190);
const deployment = { ...base, scheduler: { ...base.scheduler, useOpenai: false } };
let stack: TestStack;

beforeAll(async () => {
  stack = await testStack("e2e-generate");
});

afterAll(() => stack.dispose());

test("With useOpenai: false, up ends after an answer of /generate, whose KV cache decode got from prefill.", async () => {
  await stack.configure(deployment);

  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

  expect(code, output).toBe(0);
  const body = JSON.stringify({ prompt: "Say more.", max_tokens: 12, temperature: 0 });
  const headers = { "content-type": "application/json" };
  const answer = await fetch("http://127.0.0.1:18192/generate", { method: "POST", headers, body });
  expect(await answer.json()).toEqual({ text: [`Say more.${expectedText(body, 12)}`] });
  const metrics = await (await fetch("http://127.0.0.1:18191/metrics")).text();
  expect(metrics).toMatch(/^simulator:kv_pulls_total\{[^}]*result="ok"[^}]*\} 2$/m);
  expect(metrics).toMatch(/^simulator:recomputed_total\{?[^}]*\}? 0$/m);
});
