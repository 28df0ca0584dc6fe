import { expect, onTestFinished, test } from "vitest";
import type { InstanceView, Snapshot } from "../../page/snapshot.ts";
import { ask, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import { answerJson, type EngineCall, goodDecode, goodPrefill, type Script } from "../testing/engine.ts";
import { type Overrides, operator, type Rig, startRig } from "../testing/rig.ts";

const HERE: Overrides = { page: { host: "127.0.0.1", port: 0, token: undefined }, admin: [{ port: 0 }] };
/** What an engine says of itself, a line of it in front of which the same name stands. */
const METRICS = [
  "# HELP vllm:num_requests_running Number of requests",
  'vllm:num_requests_running{engine="0",model_name="m"} 3.0',
  'vllm:num_requests_waiting{engine="0",model_name="m"} 2.0',
  'vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 9.0',
  'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25',
].join("\n");

const telling =
  (script: Script): Script =>
  (call) =>
    call.path === "/metrics" ? answerJson(call, METRICS) : script(call);
const GOOD = { prefill: [telling(goodPrefill)], decode: [telling(goodDecode)] };
const asked = ({ calls }: { calls: EngineCall[] }) => calls.filter(({ path }) => path === "/metrics").length;

/** Somebody who looks: the last snapshot, from the page's feed. */
async function looking({ pagePort }: Rig) {
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const answer = await fetch(`http://127.0.0.1:${pagePort}/feed`, { signal: leave.signal });
  let text = "";
  const reading = (async () => {
    for await (const piece of answer.body ?? []) text += Buffer.from(piece).toString();
  })().catch(() => {});
  const last = () => {
    const [, json] = [...text.matchAll(/event: snapshot\ndata: (.*)\n\n/g)].at(-1) ?? [];
    return json === undefined ? undefined : (JSON.parse(json) as Snapshot);
  };
  const named = (name: string): InstanceView | undefined =>
    last()?.instances.find((one) => one.name === name);
  return { last, named, leave: () => leave.abort(), ended: reading };
}

test("The page tells of instances, what they say of themselves, and what passes between them.", async () => {
  const one = await startRig(
    { prefill: [telling(goodPrefill)], decode: [telling(goodDecode), telling(goodDecode)] },
    { ...HERE, servedModels: ["m"] },
  );
  const eye = await looking(one);
  await until(() => eye.named("decode-1")?.kvUsage !== undefined);
  for (let request = 0; request < 6; request++) await ask(one.port, post(STREAM));
  await until(() => eye.last()?.edges.length === 2);

  const seen = eye.last();
  expect(seen).toMatchObject({
    state: "ready",
    models: ["m"],
    policy: "RoundRobin",
    handoff: "NixlConnector",
  });
  expect(seen?.instances.map(({ name, states }) => [name, ...states])).toEqual([
    ["prefill-0", "ready"],
    ["decode-0", "ready"],
    ["decode-1", "ready"],
  ]);
  expect(eye.named("prefill-0")).toMatchObject({ running: 3, waiting: 2, kvUsage: 0.25, served: 6 });
  expect(seen?.edges.map(([from, to]) => [from, to])).toEqual([
    [0, 1],
    [0, 2],
  ]);
  const [[, , first = 0] = [], [, , second = 0] = []] = seen?.edges ?? [];
  expect(seen?.totals.handoffsPerSecond).toBeCloseTo(first + second, 1);
  for (const timed of [seen?.totals.ttftMs, eye.named("prefill-0")?.ttftMs, eye.named("decode-0")?.tpotMs])
    expect(timed).toBeGreaterThanOrEqual(0);
  expect(eye.named("prefill-0")).not.toHaveProperty("tpotMs");
});

test("Engines are asked for nothing, and nothing is looked at, while nobody looks.", async () => {
  const one = await startRig(GOOD, HERE);
  const [prefill] = one.prefill;
  if (prefill === undefined) throw new Error("no engine");
  expect(asked(prefill)).toBe(0);

  const eye = await looking(one);
  await until(() => asked(prefill) > 0);
  eye.leave();
  await eye.ended;
  const others = await looking(one);
  await until(() => others.last() !== undefined);
  others.leave();
  // What was on the way when they left.
  await until(() => prefill.connections.open <= 1);
  const before = asked(prefill);
  for (let health = 0; health < 40; health++) await ask(one.port, get("/livez"));
  await ask(one.port, post(PLAIN));

  expect(asked(prefill)).toBeLessThanOrEqual(before + 1);
});

test("A drained instance, one that fails, and why, are told.", async () => {
  const broken = telling((call) => answerJson(call, "<b>no JSON</b>"));
  const one = await startRig({ prefill: [telling(goodPrefill)], decode: [broken, broken] }, HERE);
  const eye = await looking(one);

  const { status } = await ask(one.port, post(PLAIN));
  await operator(one).drain("decode-1");
  await until(() => eye.last()?.events.some(({ what }) => what === "draining") === true);
  const { events = [] } = eye.last() ?? {};

  expect(status).toBe(502);
  await until(() => eye.named("decode-1")?.states[0] === "drained");
  const failed = events.find(({ what }) => what === "decode_failed");
  const at = failed?.instances[1] ?? "";
  expect(failed).toMatchObject({ isBad: true, instances: ["prefill-0", expect.stringMatching(/^decode-/)] });
  expect(failed?.detail).toContain("no JSON object");
  expect(eye.named(at)?.failures).toBe(1);
});

test("What clients do wrong, and requests that go well, are no events.", async () => {
  const one = await startRig(GOOD, HERE);
  const eye = await looking(one);
  await ask(one.port, post("{"));
  await ask(one.port, get("/%22status%22:5"));
  await ask(one.port, post(PLAIN));
  await operator(one).drain("decode-0", 600, true);

  await until(() => eye.last()?.events[0]?.what === "draining");

  expect(new Set(eye.last()?.events.map(({ what }) => what))).toEqual(new Set(["healthy", "draining"]));
});

test("An operator is told the same by the administration, line by line.", async () => {
  const one = await startRig(GOOD, HERE);
  const [port] = one.adminPorts;
  const leave = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${port}/watch`, { signal: leave.signal });
  let text = "";
  for await (const piece of answer.body ?? []) {
    text += Buffer.from(piece).toString();
    if ((text.match(/\n\{.*\n/g) ?? []).length > 0) break;
  }
  leave.abort();

  const [line = ""] = text.split("\n").filter((one) => one !== "");
  expect((JSON.parse(line) as Snapshot).instances).toHaveLength(2);
});

test("A handoff is counted where workers count in columns of their own, and told once.", async () => {
  const one = await startRig(GOOD, { ...HERE, workers: 2 });
  const eye = await looking(one);
  await until(() => eye.last() !== undefined);
  for (let request = 0; request < 10; request++) await ask(one.port, post(STREAM));

  await until(() => (eye.last()?.edges[0]?.[2] ?? 0) > 0);

  expect(eye.last()?.edges).toHaveLength(1);
  expect(eye.named("prefill-0")?.ttftMs).toBeGreaterThan(0);
});
