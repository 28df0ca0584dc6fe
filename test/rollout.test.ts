import { afterAll, beforeAll, expect, test } from "vitest";
import type { ResourceStep } from "../cli/pulumi.ts";
import { clients } from "./clients.ts";
import { until } from "./pd-processes.ts";
import { containersOf, inspectContainer, simulated1p1d, type TestStack, testStack } from "./support.ts";

// A running 2p2d is changed in every way, on the real Pulumi engine and a real Docker Engine, while clients ask it;
// each test goes on from where the one before it stopped.
const name = "e2e-rollout";
const base = 18300;
const url = `http://127.0.0.1:${base + 4}`;
const admin = `http://127.0.0.1:${base + 5}`;
const instances = ["prefill-0", "prefill-1", "decode-0", "decode-1"];
let stack: TestStack;

interface Changes {
  readonly env?: Record<string, string>;
  readonly args?: readonly string[];
  readonly prefill?: number;
  readonly decode?: number;
}

function deployment({ env = {}, args = [], prefill = 2, decode = 2 }: Changes = {}) {
  const simple = simulated1p1d(base);
  const list = (count: number, first: number) =>
    Array.from({ length: count }, (_, index) => ({
      host: "local",
      devices: [first + index],
      port: base + first + index,
    }));
  return {
    ...simple,
    engine: { ...simple.engine, extraArgs: ["--inter-token-ms=20", ...args], extraEnv: env },
    prefill: list(prefill, 0),
    decode: list(decode, 2),
    scheduler: {
      host: "local",
      port: base + 4,
      extraArgs: [`--admin-port=${base + 5}`, "--drain-timeout=20"],
    },
  };
}

/** Node starts so much later, as an engine that loads a model. */
const loading = (seconds: number) => ({
  NODE_OPTIONS: `--import=data:text/javascript,await%20new%20Promise(r=>setTimeout(r,${1000 * seconds}))`,
});

const load = (count: number, tokens = 48) =>
  clients(url, count, { model: "test-model", streams: true, tokens });

/** The steps of containers and memberships, as words: `drain prefill-0`. */
function story(steps: readonly ResourceStep[]): string[] {
  return steps.flatMap(({ op, type, name: resource, state }) => {
    const instance = instances.find((one) => resource.startsWith(`${name}-${one}`));
    const isMembership = resource.endsWith("-membership");
    if (instance === undefined || (!isMembership && !type.endsWith(":Container")) || state !== "done")
      return [];
    if (op === "delete" || op === "delete-replaced")
      return [`${isMembership ? "drain" : "delete"} ${instance}`];
    if (op === "create" || op === "create-replacement")
      return [`${isMembership ? "join" : "create"} ${instance}`];
    return [];
  });
}

const ofRole = (words: readonly string[], role: string) => words.filter((word) => word.includes(` ${role}-`));

const replacing = (role: string) =>
  [0, 1].flatMap((index) => ["drain", "delete", "create", "join"].map((word) => `${word} ${role}-${index}`));

async function ready(): Promise<string[]> {
  const { instances: all } = (await (await fetch(`${admin}/state`)).json()) as {
    instances: { name: string; ready: boolean }[];
  };
  return all.filter((one) => one.ready).map((one) => one.name);
}

beforeAll(async () => {
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

test("on the first up all instances load at the same time", async () => {
  await stack.configure(deployment({ env: loading(3) }));

  const { code, errors, steps } = await stack.up();

  expect(errors).toEqual([]);
  expect(code).toBe(0);
  const done = steps.filter(({ state }) => state === "done");
  const at = (resource: string, type: string) =>
    done.findIndex((step) => step.name === `${name}-${resource}` && step.type.endsWith(type));
  for (const role of ["prefill", "decode"]) {
    expect(at(`${role}-1`, ":Container")).toBeLessThan(at(`${role}-0-ready`, ":Command"));
  }
});

test("a changed environment replaces one instance of a role after the other, and 64 streams lose nothing", async () => {
  await stack.configure(deployment({ env: loading(1) }));
  const running = load(64);

  const { errors, steps } = await stack.up();
  await running.stop();

  expect(errors).toEqual([]);
  expect(ofRole(story(steps), "prefill")).toEqual(replacing("prefill"));
  expect(ofRole(story(steps), "decode")).toEqual(replacing("decode"));
  expect(running.failures).toEqual([]);
  expect(running.answered).toBeGreaterThan(64);
  expect((await ready()).sort()).toEqual([...instances].sort());
});

test("a preview right after shows no changes", async () => {
  const { code } = await stack.pulumi("preview", "--expect-no-changes");

  expect(code).toBe(0);
});

test("an instance that is healthy but answers nothing gets no requests, and the one behind it stays", async () => {
  const ids = () => Promise.all(instances.map(async (one) => (await inspectContainer(`${name}-${one}`)).Id));
  const before = await ids();
  await stack.configure(deployment({ args: ["--block-size=1", "--kv-blocks=1"] }));
  const running = load(8);

  const { code, errors } = await stack.up();
  await running.stop();

  const after = await ids();
  expect(code).not.toBe(0);
  console.log(errors.join("\n"));
  expect(errors.join("\n")).toMatch(/the first completion on e2e-rollout-(prefill|decode)-0 itself/);
  expect(after[1]).toBe(before[1]);
  expect(after[3]).toBe(before[3]);
  expect(running.failures).toEqual([]);
  expect(await ready()).toEqual(["prefill-1", "decode-1"]);
});

test.each([
  ["while an instance is drained", "started", "delete-replaced", "prefill-0-membership"],
  ["when an instance is drained", "done", "delete-replaced", "decode-0-membership"],
  ["when a container is gone", "done", "delete-replaced", "decode-0"],
  ["while a container is made", "started", "create-replacement", "prefill-0"],
  ["while an instance proves itself", "started", "create-replacement", "prefill-1-membership"],
])("killed %s, the next up converges, and clients notice nothing", async (moment, state, op, resource) => {
  await stack.configure(deployment({ env: { ...loading(1), MOMENT: moment } }));
  const running = load(8, 96);

  await stack.upKilledAt(
    (step) => step.state === state && step.op === op && step.name === `${name}-${resource}`,
  );
  const { errors } = await stack.up();
  await running.stop();

  expect(errors).toEqual([]);
  expect(running.failures).toEqual([]);
  expect((await ready()).sort()).toEqual([...instances].sort());
  expect((await stack.pulumi("preview", "--expect-no-changes")).code).toBe(0);
});

test("scaled down and up again, what must restart restarts in turns, and the preview said so", async () => {
  await stack.configure(deployment({ prefill: 1, decode: 1 }));
  const preview = await stack.previewed();
  const { errors, steps } = await stack.up();

  console.log(JSON.stringify(preview), story(steps));
  expect(errors).toEqual([]);
  expect(await containersOf(name)).toEqual(
    ["decode-0", "prefill-0", "scheduler"].map((one) => `${name}-${one}`),
  );
  await stack.configure(deployment());
  const preview2 = await stack.previewed();
  const up = await stack.up();
  console.log(JSON.stringify(preview2), story(up.steps));
  expect(up.errors).toEqual([]);
});

test("at its deadline a drain is over: the request is cut, and the change goes on", async () => {
  await stack.configure(deployment({ args: ["--inter-token-ms=1000"] }));
  await stack.up();
  const running = load(1, 1);
  await until(() => running.answered > 0);
  await running.stop();
  const long = fetch(`${url}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "test-model", prompt: "x", max_tokens: 120, stream: true }),
  }).then((response) => response.text());
  await stack.configure(deployment());
  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
  console.log(output, (await long).slice(-300));
  expect(code).toBe(0);
});

test("destroy", async () => {
  const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview");
  console.log(output);
  expect(code).toBe(0);
});
