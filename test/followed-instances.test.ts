import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { expectEngine } from "../docker/api.ts";
import { expectAsPlanned } from "./testing/as-planned.ts";
import { clients } from "./testing/clients.ts";
import { post, until } from "./testing/pd-processes.ts";
import {
  cloneProject,
  docker,
  fileOf,
  inspectContainer,
  loading,
  mute,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";

// The instances of a running stack change in number and place, on the real Pulumi engine and a real Docker Engine, while
// clients ask; its scheduler is one and the same process throughout. Each test goes on from where the one before stopped.
const name = "e2e-follow";
const base = 18400;
const port = base + 50;
const url = `http://127.0.0.1:${port}`;
const scheduler = `${name}-scheduler`;
let stack: TestStack;

interface Shape {
  /** Ports, from `base` on. */
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  readonly env?: Record<string, string>;
  /** Of the last prefill instance. */
  readonly lastEnv?: Record<string, string>;
}

function deployment({ prefill, decode, env = {}, lastEnv = {} }: Shape) {
  const simple = simulated1p1d(base);
  const list = (ports: readonly number[], first: number) =>
    ports.map((offset, index) => ({ host: "local", devices: [first + index], port: base + offset }));
  return {
    ...simple,
    engine: { ...simple.engine, extraArgs: ["--inter-token-ms=20"], extraEnv: env },
    prefill: list(prefill, 0).map((one, index) =>
      index === prefill.length - 1 ? { ...one, extraEnv: lastEnv } : one,
    ),
    decode: list(decode, 4),
    scheduler: { host: "local", port, extraArgs: [`--admin-port=${port + 1}`, "--drain-timeout=20"] },
  };
}

interface State {
  readonly instances: readonly {
    readonly role: string;
    readonly address: string;
    readonly ready: boolean;
    readonly leaving: boolean;
  }[];
}

/** Who gets requests: `prefill 0`, by the port's place behind `base`. */
async function serving(): Promise<string[]> {
  const { instances } = (await (await fetch(`http://127.0.0.1:${port + 1}/state`)).json()) as State;
  return instances
    .filter((one) => one.ready && !one.leaving)
    .map(({ role, address }) => `${role} ${Number(address.split(":")[1]) - base}`)
    .sort();
}

const wanted = ({ prefill, decode }: Shape) =>
  [...decode.map((at) => `decode ${at}`), ...prefill.map((at) => `prefill ${at}`)].sort();

/** What makes it one and the same process. */
async function processOf(container: string) {
  const { Id, State, RestartCount } = await inspectContainer(container);
  return { Id, StartedAt: State.StartedAt, RestartCount };
}

/** By hand, and until it serves. */
async function restart(): Promise<void> {
  await expectEngine(docker, `/containers/${scheduler}/restart`, { method: "POST" });
  await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true);
}

const load = (count = 64) => clients(url, count, { model: "test-model", streams: true, tokens: 48 });

beforeAll(async () => {
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

const two: Shape = { prefill: [0, 1], decode: [10, 11] };
const three: Shape = { prefill: [0, 1, 2], decode: [10, 11, 12] };

test("The first up starts a scheduler that has its instances from files.", async () => {
  await stack.configure(deployment(two));

  const { errors } = await stack.up();

  expect(errors).toEqual([]);
  expect(await serving()).toEqual(wanted(two));
});

test.each<[string, Shape]>([
  ["2p2d grows to 3p3d", three],
  ["3p3d shrinks to 2p2d", two],
  ["every instance of both roles moves to another port", { prefill: [20, 21], decode: [30, 31] }],
  ["one of each role moves, and the last of them is another's", { prefill: [20, 22], decode: [30, 32, 33] }],
])("%s: the scheduler is not restarted, and 64 streams lose nothing.", async (_, shape) => {
  const before = await processOf(scheduler);
  await stack.configure(deployment({ ...shape, env: loading(1) }));
  const running = load();

  const { errors } = await stack.up();
  await running.stop();

  expect(errors).toEqual([]);
  expect(running.failures).toEqual([]);
  expect(running.answered).toBeGreaterThan(64);
  expect(await processOf(scheduler)).toEqual(before);
  expect(await serving()).toEqual(wanted(shape));
  for (const container of planOf(name, deployment({ ...shape, env: loading(1) })).containers) {
    await expectAsPlanned(name, container);
  }
  expect((await stack.pulumi("preview", "--expect-no-changes")).code).toBe(0);
});

test("An instance that was left drained gets requests again with the next change of the instances.", async () => {
  const shape: Shape = { prefill: [20, 23], decode: [30, 32, 33], env: loading(1) };
  const drained = { instance: `127.0.0.1:${base + 30}` };
  await post(`http://127.0.0.1:${port + 1}/drain`, JSON.stringify(drained));
  expect(await serving()).not.toContain("decode 30");
  await stack.configure(deployment(shape));

  const { errors } = await stack.up();

  expect(errors).toEqual([]);
  await until(async () => (await serving()).includes("decode 30"));
  expect(await serving()).toEqual(wanted(shape));
});

test("Tables that the scheduler refuses fail the up, and it serves as before, also when it is started anew.", async () => {
  const ports = "/etc/ascend-pd/node_ports";
  const before = [await processOf(scheduler), await fileOf(scheduler, ports), await serving()];
  const project = await cloneProject();
  onTestFinished(() => rm(project, { recursive: true }));
  const planner = join(project, "planning/table-files.ts");
  const mistaken = (await readFile(planner, "utf8")).replace(
    /"node_ports", servers\.map.*?\.join\(","\)/,
    '"node_ports", "1,2"',
  );
  await writeFile(planner, mistaken);
  const running = load(8);

  const { code, errors } = await stack.up(undefined, project);
  await running.stop();

  expect(code).not.toBe(0);
  expect(errors.join("\n")).toMatch(
    /the scheduler e2e-follow-scheduler refuses its new rank tables, and goes on with those that it had: .*\n.*NODE_PORTS has 2 ports; .*\nfix: /,
  );
  expect(errors.join("\n")).not.toMatch(/^\s+at /m);
  expect([await processOf(scheduler), await fileOf(scheduler, ports), await serving()]).toEqual(before);
  expect(running.failures).toEqual([]);
  await restart();
  expect(await serving()).toEqual(before[2]);
});

test.each([
  ["when it was told of instances that are then given up", `${scheduler}-announced`, "create-replacement"],
  ["when a new instance is being made", `${name}-prefill-2`, "create"],
])("Killed %s, and the change taken back: it has the instances from before.", async (_, resource, op) => {
  const kept = await serving();
  await stack.configure(deployment({ prefill: [20, 23, 24], decode: [30, 32, 33], env: loading(1) }));
  const running = load(8);

  await stack.upKilledAt((step) => step.name === resource && step.op === op && step.state === "done");
  await stack.configure(deployment({ prefill: [20, 23], decode: [30, 32, 33], env: loading(1) }));
  const { errors } = await stack.up();
  await running.stop();

  expect(errors).toEqual([]);
  expect(running.failures).toEqual([]);
  expect(await serving()).toEqual(kept);
  expect((await stack.pulumi("preview", "--expect-no-changes")).code).toBe(0);
});

test("A new instance that is healthy but answers nothing gets no requests; mended, it does with the next up.", async () => {
  const grown: Shape = { prefill: [20, 23, 25], decode: [30, 32, 33], env: loading(1) };
  const before = await processOf(scheduler);
  await stack.configure(deployment({ ...grown, lastEnv: mute }));
  const running = load(8);

  const { errors } = await stack.up();
  const meanwhile = await serving();
  await stack.configure(deployment(grown));
  const mended = await stack.up();
  await running.stop();

  expect(errors.join("\n")).toContain(
    `the first completion on ${name}-prefill-2 itself came back without text`,
  );
  expect(meanwhile.filter((one) => one.startsWith("prefill"))).toEqual(["prefill 20", "prefill 23"]);
  expect(mended.errors).toEqual([]);
  expect(running.failures).toEqual([]);
  expect(await processOf(scheduler)).toEqual(before);
  expect(await serving()).toEqual(wanted(grown));
});

test("A scheduler that was stopped by hand fails the up, and has the new instances once it is started as that says.", async () => {
  const shape: Shape = { prefill: [20, 26], decode: [30, 32] };
  await expectEngine(docker, `/containers/${scheduler}/stop`, { method: "POST" });
  await stack.configure(deployment(shape));

  const { errors } = await stack.up();
  const { code } = await stack.pulumi("up", "--refresh", "--yes", "--skip-preview");

  expect(errors.join("\n")).toContain(
    `${scheduler} on local does not run; it has its new rank tables for when it starts\n` +
      "fix: run `pulumi up --refresh`, which starts it",
  );
  expect(code).toBe(0);
  expect(await serving()).toEqual(wanted(shape));
});
