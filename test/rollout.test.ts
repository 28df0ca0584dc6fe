import { appendFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ResourceStep } from "../cli/pulumi.ts";
import { expectEngine } from "../docker/api.ts";
import { FLAGS } from "../scheduler/config/flags.ts";
import { expectedText } from "../simulator/oracle.ts";
import { clients } from "./testing/clients.ts";
import { post, streamedText, until } from "./testing/pd-processes.ts";
import {
  cloneProject,
  containersOf,
  docker,
  inspectContainer,
  loading,
  mute,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";

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
  readonly decodeEnv?: Record<string, string>;
  readonly prefill?: number;
  readonly decode?: number;
}

function deployment({ env = {}, args = [], prefill = 2, decode = 2, decodeEnv = {} }: Changes = {}) {
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
    decode: list(decode, 2).map((one) => ({ ...one, extraEnv: decodeEnv })),
    scheduler: {
      host: "local",
      port: base + 4,
      extraArgs: [`--admin-port=${base + 5}`, "--drain-timeout=20", "--workers=2"],
    },
  };
}

const slow = ["--inter-token-ms=1000"];

/** What changes with other arguments and other instances: all that stay, what hangs on them, and what the scheduler is told. */
const restarted = [
  ...["decode-0", "decode-0-membership", "decode-0-ready", "prefill-0", "prefill-0-membership"],
  ...["prefill-0-ready", "scheduler-announced", "scheduler-first-completion", "scheduler-settled"],
].map((one) => `${name}-${one}`);

const question = (tokens: number) =>
  JSON.stringify({ model: "test-model", prompt: "A long one.", max_tokens: tokens, stream: true });
const ask = (tokens: number) =>
  post(`${url}/v1/completions`, question(tokens)).then((response) => response.text());

const ids = () => Promise.all(instances.map(async (one) => (await inspectContainer(`${name}-${one}`)).Id));

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

interface State {
  readonly requests: number;
  readonly instances: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly inFlight: number;
  }[];
}

const state = async () => (await (await fetch(`${admin}/state`)).json()) as State;
const ready = async () => (await state()).instances.filter((one) => one.ready).map((one) => one.name);
const inFlight = async () => (await state()).instances.reduce((sum, one) => sum + one.inFlight, 0);

beforeAll(async () => {
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

test("Docker lets a scheduler that is given no --drain-timeout finish its own.", () => {
  const planned = planOf(name, simulated1p1d(base)).containers.at(-1);
  const own = FLAGS.find((flag) => flag.name === "drain-timeout");

  expect(planned?.stopTimeoutSeconds).toBe(Number(own?.fallback) + 10);
});

test("On the first up all instances load at the same time.", async () => {
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

test("Another image of the engine replaces one instance of a role after the other, and 64 streams lose nothing.", async () => {
  const project = await cloneProject();
  onTestFinished(() => rm(project, { recursive: true }));
  await appendFile(join(project, "simulator/Dockerfile"), "ENV RELEASE=2\n");
  const before = (await inspectContainer(`${name}-decode-1`)).Config.Image;
  const running = load(64);

  const { errors, steps } = await stack.up(undefined, project);
  await running.stop();

  expect(errors).toEqual([]);
  expect((await inspectContainer(`${name}-decode-1`)).Config.Image).not.toBe(before);
  expect(ofRole(story(steps), "prefill")).toEqual(replacing("prefill"));
  expect(ofRole(story(steps), "decode")).toEqual(replacing("decode"));
  expect(running.failures).toEqual([]);
  expect(running.answered).toBeGreaterThan(64);
  expect(await ready()).toEqual(instances);
});

test("A changed environment replaces one instance of a role after the other, and 64 streams lose nothing.", async () => {
  await stack.configure(deployment({ env: loading(1) }));
  const running = load(64);

  const { errors, steps } = await stack.up();
  await running.stop();

  expect(errors).toEqual([]);
  expect(ofRole(story(steps), "prefill")).toEqual(replacing("prefill"));
  expect(ofRole(story(steps), "decode")).toEqual(replacing("decode"));
  expect(running.failures).toEqual([]);
  expect(running.answered).toBeGreaterThan(64);
  expect(await ready()).toEqual(instances);
});

test("A preview right after shows no changes.", async () => {
  const { code } = await stack.pulumi("preview", "--expect-no-changes");

  expect(code).toBe(0);
});

test("An instance that is healthy but answers nothing gets no requests, and the one behind it stays.", async () => {
  const before = await ids();
  await stack.configure(deployment({ env: mute }));
  const running = load(8);

  const { code, errors } = await stack.up();
  await running.stop();

  const after = await ids();
  expect(code).not.toBe(0);
  expect(errors.join("\n")).toContain(
    `the first completion on ${name}-prefill-0 itself came back without text (HTTP 500): NPU 4 is lost\n` +
      `fix: read the log of ${name}-prefill-0; until it answers it gets no requests`,
  );
  expect([after[1], after[3]]).toEqual([before[1], before[3]]);
  expect(running.failures).toEqual([]);
  expect(await ready()).toEqual(["prefill-1", "decode-1"]);
});

test.each([
  ["when an instance is drained", "done", "delete-replaced", "decode-0-membership"],
  ["while a container is made", "started", "create-replacement", "prefill-0"],
  ["while an instance proves itself", "started", "create-replacement", "prefill-1-membership"],
])("Killed %s, the next up converges, and 8 streams lose nothing.", async (moment, state, op, resource) => {
  await stack.configure(deployment({ env: { ...loading(1), MOMENT: moment } }));
  const running = load(8, 96);

  await stack.upKilledAt(
    (step) => step.state === state && step.op === op && step.name === `${name}-${resource}`,
  );
  const { errors } = await stack.up();
  await running.stop();

  expect(errors).toEqual([]);
  expect(running.failures).toEqual([]);
  expect(await ready()).toEqual(instances);
  expect((await stack.pulumi("preview", "--expect-no-changes")).code).toBe(0);
});

test("A scheduler that cannot be asked stops the change, not an instance; once it can, the next up goes on.", async () => {
  const before = await ids();
  const scheduler = (verb: string) =>
    expectEngine(docker, `/containers/${name}-scheduler/${verb}`, { method: "POST" });
  await stack.configure(deployment());
  await scheduler("pause");

  const paused = await stack.up();
  const meanwhile = await ids();
  await scheduler("unpause");
  const { errors, steps } = await stack.up();

  expect(paused.errors.join()).toContain(
    `the scheduler ${name}-scheduler on local (${docker}) could not be asked`,
  );
  expect(paused.errors.join()).toContain("is paused");
  expect(meanwhile).toEqual(before);
  expect(errors).toEqual([]);
  expect(ofRole(story(steps), "prefill")).toEqual(replacing("prefill"));
  expect(await ready()).toEqual(instances);
});

test("An instance that was left drained is joined by replacing its membership, and its container stays.", async () => {
  const before = await ids();
  await post(`${admin}/drain`, JSON.stringify({ instance: "prefill-0" }));
  expect(await ready()).not.toContain("prefill-0");
  const types = "ascend-pd:index:PdDeployment$ascend-pd:index:PrefillInstance$command:local:Command";
  const urn = `urn:pulumi:${name}::ascend-pd::${types}::${name}-prefill-0-membership`;

  const { code } = await stack.pulumi("up", "--yes", "--skip-preview", "--replace", urn);

  expect(code).toBe(0);
  expect(await ready()).toEqual(instances);
  expect(await ids()).toEqual(before);
});

test("Scaled down to one of each, with other arguments, all that stays restarts, and nothing else.", async () => {
  await stack.configure(deployment({ prefill: 1, decode: 1, args: slow }));

  const { replace, delete: removed } = await stack.previewed();
  const { errors, steps } = await stack.up();

  expect(replace).toEqual(restarted);
  expect(removed?.filter((one) => one.endsWith("-membership"))).toEqual(
    ["decode-1", "prefill-1"].map((one) => `${name}-${one}-membership`),
  );
  expect(errors).toEqual([]);
  expect(ofRole(story(steps), "decode")).toEqual([
    ...["drain decode-0", "delete decode-0", "create decode-0", "join decode-0"],
    ...["drain decode-1", "delete decode-1"],
  ]);
  expect(await ready()).toEqual(["prefill-0", "decode-0"]);
});

test("At its deadline a drain is over: what is cut is said, and the change goes on.", async () => {
  const long = ask(60);
  await until(async () => (await inFlight()) > 0);
  await stack.configure(deployment({ prefill: 1, decode: 1 }));

  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

  expect(output).toContain(
    `${name}-decode-0 is the last decode instance: requests are answered 503 until one is back`,
  );
  expect(output).toContain(
    `${name}-decode-0 is stopped with 1 request in flight, 0 KV caches held: its drain took too long`,
  );
  expect(await long).toContain('"code":"decode_failed"');
  expect(code).toBe(0);
});

test("Scaled up again, the new instances start without waiting for each other's turn.", async () => {
  await stack.configure(deployment({ args: slow }));

  const { replace } = await stack.previewed();
  const { errors, steps } = await stack.up();

  expect(replace).toEqual(restarted);
  expect(errors).toEqual([]);
  expect(ofRole(story(steps), "prefill")).toEqual([
    ...["drain prefill-0", "delete prefill-0", "create prefill-0", "join prefill-0"],
    ...["create prefill-1", "join prefill-1"],
  ]);
  expect(await ready()).toEqual(instances);
});

test.each([
  ["killed", "SIGKILL"],
  ["interrupted", "SIGINT"],
] as const)(
  "%s in a drain, and the change taken back: the instance has lost nothing and gets requests again.",
  async (_, signal) => {
    const before = await ids();
    const answers = [ask(15), ask(15)];
    await until(async () => (await inFlight()) === 2);
    await stack.configure(deployment({ args: slow, decodeEnv: { NOTE: "regretted" } }));

    await stack.upKilledAt(({ state, name: resource, op }) => {
      return state === "started" && op === "delete-replaced" && resource === `${name}-decode-0-membership`;
    }, signal);
    await stack.configure(deployment({ args: slow }));
    const { errors } = await stack.up();

    expect(errors).toEqual([]);
    await until(async () => (await ready()).length === 4);
    expect((await ids())[2]).toBe(before[2]);
    for (const answer of answers) expect(streamedText(await answer)).toBe(expectedText(question(15), 15));
  },
);

test("Destroy takes the scheduler first and waits for no drain; no container is left.", async () => {
  const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview");

  const gone = [...output.matchAll(/Container e2e-rollout-(\S+) deleted/g)].map(([, resource]) => resource);
  expect(code).toBe(0);
  expect(gone[0]).toBe("scheduler");
  expect(output).toContain(`${name}-decode-1: no scheduler sends it requests`);
  expect(output).not.toContain("draining");
  expect(await containersOf(name)).toEqual([]);
});
