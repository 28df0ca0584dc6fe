import { afterAll, beforeAll, expect, test } from "vitest";
import { clients } from "./clients.ts";
import { simulated1p1d, type TestStack, testStack } from "./support.ts";

// A running 2p2d is changed in every way, on the real Pulumi engine and a real Docker Engine, while clients ask it;
// each test goes on from where the one before it stopped.
const name = "e2e-rollout";
const base = 18300;
const url = `http://127.0.0.1:${base + 4}`;
let stack: TestStack;

function deployment(note: string, instances: { prefill?: number; decode?: number } = {}) {
  const simple = simulated1p1d(base);
  const { prefill = 2, decode = 2 } = instances;
  const list = (count: number, first: number) =>
    Array.from({ length: count }, (_, index) => ({
      host: "local",
      devices: [first + index],
      port: base + first + index,
    }));
  return {
    ...simple,
    engine: { ...simple.engine, extraArgs: ["--inter-token-ms=20"], extraEnv: { NOTE: note } },
    prefill: list(prefill, 0),
    decode: list(decode, 2),
    scheduler: { host: "local", port: base + 4 },
  };
}

beforeAll(async () => {
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

test("on the first up no instance waits for another one to be ready", async () => {
  await stack.configure(deployment("one"));

  const { code, errors, steps } = await stack.up();

  expect(errors).toEqual([]);
  expect(code).toBe(0);
  console.log(steps.map((s) => `${s.state} ${s.op} ${s.type} ${s.name}`).join("\n"));
});

test("a changed environment replaces one instance of a role after the other, and 64 clients lose nothing", async () => {
  await stack.configure(deployment("two"));
  const load = clients(url, 64, { model: "test-model", streams: true, tokens: 48 });

  const { code, errors, steps } = await stack.up();
  await load.stop();

  console.log(steps.map((s) => `${s.state} ${s.op} ${s.type} ${s.name}`).join("\n"), load.answered);
  expect(errors).toEqual([]);
  expect(code).toBe(0);
  expect(load.failures).toEqual([]);
  expect(load.answered).toBeGreaterThan(64);
});
