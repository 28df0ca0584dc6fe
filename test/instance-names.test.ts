import { afterAll, beforeAll, expect, test } from "vitest";
import { markdownOf } from "../cli/diff/markdown.ts";
import { meaningOf } from "../cli/diff/meaning.ts";
import { readPreview } from "../cli/diff/read-preview.ts";
import { clients } from "./testing/clients.ts";
import {
  containersOf,
  inspectContainer,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";

// Named instances of a running stack are taken out of the middle, moved in the list, called otherwise, put on other NPUs and
// into the other role, on the real Pulumi engine and a real Docker Engine, while 64 streams run. Each test goes on from where
// the one before stopped.
const name = "e2e-names";
const base = 18600;
const port = base + 50;
let stack: TestStack;

/** An instance: its name, or none, and what it has: NPU and port are counted from it. */
type Entry = readonly [name: string | undefined, slot: number];

interface Shape {
  readonly prefill: readonly Entry[];
  readonly decode: readonly Entry[];
}

const three: Shape = {
  prefill: [
    ["p-a", 0],
    ["p-b", 1],
    ["p-c", 2],
  ],
  decode: [
    ["d-a", 3],
    ["d-b", 4],
    ["d-c", 5],
  ],
};

function deployment({ prefill, decode }: Shape) {
  const simple = simulated1p1d(base);
  const list = (entries: readonly Entry[]) =>
    entries.map(([entryName, slot]) => ({
      ...(entryName !== undefined && { name: entryName }),
      host: "local",
      devices: [slot],
      port: base + slot,
    }));
  return {
    ...simple,
    engine: { ...simple.engine, extraArgs: ["--inter-token-ms=100"] },
    prefill: list(prefill),
    decode: list(decode),
    scheduler: { host: "local", port, extraArgs: [`--admin-port=${port + 1}`, "--drain-timeout=20"] },
  };
}

/** What makes each container one and the same process. */
async function processes(): Promise<Record<string, string>> {
  const all = (await containersOf(name)).map(async (container) => {
    const { Id, State, RestartCount } = await inspectContainer(container);
    return [container.slice(name.length + 1), `${Id} ${State.StartedAt} ${RestartCount}`] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

interface State {
  readonly instances: readonly { readonly name: string; readonly role: string; readonly ready: boolean }[];
}

/** Who gets requests, by the names that the scheduler has for them. */
async function serving(): Promise<string[]> {
  const { instances } = (await (await fetch(`http://127.0.0.1:${port + 1}/state`)).json()) as State;
  return instances.filter(({ ready }) => ready).map(({ role, name }) => `${role} ${name}`);
}

const wanted = ({ prefill, decode }: Shape) => [
  ...prefill.map(([one]) => `prefill ${one}`),
  ...decode.map(([one]) => `decode ${one}`),
];

/** Makes the running stack of this shape while clients ask; what `diff` said of it beforehand, and who is another one now. */
async function changedTo(shape: Shape) {
  const before = await processes();
  await stack.configure(deployment(shape));
  const preview = readPreview(JSON.parse((await stack.pulumi("preview", "--json")).output), "preview");
  if ("errors" in preview) throw new Error(preview.errors.join());
  const running = clients(`http://127.0.0.1:${port}`, 64, { model: "test-model", streams: true, tokens: 24 });

  const { errors } = await stack.up();
  await running.stop();

  const after = await processes();
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return {
    said: meaningOf(preview, String),
    markdown: markdownOf(preview),
    errors,
    failures: running.failures,
    answered: running.answered,
    touched: names.filter((one) => before[one] !== after[one]),
    isSettled: (await stack.pulumi("preview", "--expect-no-changes")).code === 0,
  };
}

const nothingLost = { errors: [], failures: [], isSettled: true };

beforeAll(async () => {
  stack = await testStack(name);
  await stack.configure(deployment(three));
  expect((await stack.up()).errors).toEqual([]);
});

afterAll(() => stack.dispose());

test("The scheduler has the names of the stack file, in its order.", async () => {
  expect(await serving()).toEqual(wanted(three));
});

test("The middle prefill and the middle decode are taken out: no other is touched, and 64 streams lose nothing.", async () => {
  const [pa, , pc] = three.prefill as [Entry, Entry, Entry];
  const [da, , dc] = three.decode as [Entry, Entry, Entry];

  const change = await changedTo({ prefill: [pa, pc], decode: [da, dc] });

  expect(change).toMatchObject({ ...nothingLost, touched: ["d-b", "p-b"] });
  expect(change.answered).toBeGreaterThan(64);
  expect(change.said).toEqual({
    headline: "removes 2 instances",
    lines: [
      "removes p-b on local (NPUs 1), d-b on local (NPUs 4); these NPUs become free",
      "changes, without a restart, the scheduler",
      "untouched: p-a, p-c, d-a, d-c",
    ],
  });
  expect(await serving()).toEqual(["prefill p-a", "prefill p-c", "decode d-a", "decode d-c"]);
});

test("They come back in another place of the list: only they start.", async () => {
  const [pa, pb, pc] = three.prefill as [Entry, Entry, Entry];
  const [da, db, dc] = three.decode as [Entry, Entry, Entry];
  const shape = { prefill: [pb, pa, pc], decode: [dc, da, db] };

  const change = await changedTo(shape);

  expect(change).toMatchObject({ ...nothingLost, touched: ["d-b", "p-b"] });
  expect(change.said.headline).toBe("starts 2 instances");
  expect((await serving()).sort()).toEqual(wanted(shape).sort());
});

test("The lists in another order restart nobody.", async () => {
  const change = await changedTo(three);

  expect(change).toMatchObject({ ...nothingLost, touched: [] });
  expect(change.said.headline).toBe("no instance restarts");
});

test("An instance of another name, and one on another NPU and port, are replaced, drained before, and no other is.", async () => {
  const [pa, , pc] = three.prefill as [Entry, Entry, Entry];
  const [da, , dc] = three.decode as [Entry, Entry, Entry];
  const shape: Shape = { prefill: [pa, ["p-x", 1], pc], decode: [da, ["d-b", 6], dc] };

  const change = await changedTo(shape);

  expect(change).toMatchObject({ ...nothingLost, touched: ["d-b", "p-b", "p-x"] });
  expect(change.said).toEqual({
    headline: "restarts 2 instances",
    lines: [
      "restarts p-x on local (NPUs 1) because it was called p-b; model load, at most 60 s",
      "restarts d-b on local (NPUs 6) because its NPUs change from 4 to 6, and --port changes; model load, at most 60 s",
      "changes, without a restart, the scheduler",
      "untouched: p-a, p-c, d-a, d-c",
    ],
  });
  expect((await serving()).sort()).toEqual(wanted(shape).sort());
});

test("An instance goes over to the other role: it is replaced, drained before, and no other is.", async () => {
  const [pa, , pc] = three.prefill as [Entry, Entry, Entry];
  const [da, , dc] = three.decode as [Entry, Entry, Entry];
  const shape: Shape = { prefill: [pa, pc], decode: [["p-x", 1], da, ["d-b", 6], dc] };

  const change = await changedTo(shape);

  expect(change).toMatchObject({ ...nothingLost, touched: ["p-x"] });
  expect(change.said).toEqual({
    headline: "restarts 1 instance",
    lines: [
      "restarts p-x on local (NPUs 1) because it was a prefill instance; model load, at most 60 s",
      "changes, without a restart, the scheduler",
      "untouched: p-a, p-c, decode",
    ],
  });
  expect((await serving()).sort()).toEqual(wanted(shape).sort());
});
