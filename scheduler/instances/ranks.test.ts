import { expect, test } from "vitest";
import { ask, client, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerJson,
  type EngineCall,
  type FakeEngine,
  fakeEngine,
  goodDecode,
  goodPrefill,
  type Script,
} from "../testing/engine.ts";
import { LAYERWISE, pushingPair } from "../testing/layerwise.ts";
import { type Overrides, operator, type Rig, rigOf } from "../testing/rig.ts";

const RANKS = 3;

/** Instances each with three ranks behind its port. */
async function rankedRig(
  scripts: { prefill: Script[]; decode: Script[] } = { prefill: [goodPrefill], decode: [goodDecode] },
  overrides: Overrides = {},
): Promise<Rig> {
  const prefill = await Promise.all(scripts.prefill.map(fakeEngine));
  const decode = await Promise.all(scripts.decode.map(fakeEngine));
  const each = (engines: FakeEngine[]) =>
    engines.flatMap(({ port }) =>
      Array.from({ length: RANKS }, (_, rank) => ({ host: "127.0.0.1", port, rank })),
    );
  const endpoints = { prefill: each(prefill), decode: each(decode) };
  const one = await rigOf(prefill, decode, {
    endpoints,
    readEndpoints: () => endpoints,
    admin: [{ port: 0 }],
    ...overrides,
    ready: false,
  });
  await until(async () => (await operator(one).state()).instances.every(({ ready }) => ready));
  return one;
}

const rankOf = (call: EngineCall) => call.header("x-data-parallel-rank").join();
const completions = ({ calls }: FakeEngine) => calls.filter(({ method }) => method === "POST");
const ranks = (engines: readonly FakeEngine[]) => engines.flatMap(completions).map(rankOf);

test("Each rank has its turn on prefill, and its share on decode, by the header that names it.", async () => {
  const one = await rankedRig({ prefill: [goodPrefill], decode: [(call) => void call] });
  const clients = await Promise.all(Array.from({ length: 6 }, () => client(one.port)));

  for (const [at, asker] of clients.entries()) {
    asker.send(post(STREAM));
    await one.decode[0]?.call(at + 1);
  }

  expect(ranks(one.prefill)).toEqual(["0", "1", "2", "0", "1", "2"]);
  expect(ranks(one.decode).sort()).toEqual(["0", "0", "1", "1", "2", "2"]);
});

test("A client's own rank gets to no engine, with ranks and without.", async () => {
  const ranked = await rankedRig();
  const plain = await rigOf([await fakeEngine(goodPrefill)], [await fakeEngine(goodDecode)]);

  for (const { port } of [ranked, plain])
    await ask(port, post(PLAIN, "/v1/completions", "X-Data-Parallel-Rank: 2"));

  expect([...ranks(ranked.prefill), ...ranks(ranked.decode)]).toEqual(["0", "0"]);
  expect([...ranks(plain.prefill), ...ranks(plain.decode)]).toEqual(["", ""]);
});

test("What has decode reject a request, so that prefill frees its KV cache, names a rank as well.", async () => {
  const one = await rankedRig({
    prefill: [goodPrefill],
    decode: [
      (call) => answerJson(call, '{"error":{"message":"x"}}', call.body.includes("-1") ? "400 x" : "500 x"),
    ],
  });

  await ask(one.port, post(PLAIN));

  await until(() => ranks(one.decode).length === 2);
  expect(ranks(one.decode)).toEqual(["0", "1"]);
});

test("Where prefill pushes, both legs have a rank.", async () => {
  const { prefill, decode } = pushingPair();
  const one = await rankedRig({ prefill: [prefill], decode: [decode] }, LAYERWISE);

  for (let i = 0; i < 3; i++) await ask(one.port, post(PLAIN));

  expect([ranks(one.prefill), ranks(one.decode)]).toEqual([
    ["0", "1", "2"],
    ["0", "1", "2"],
  ]);
});

test("A server that cannot be reached has no other of its ranks asked, but another server.", async () => {
  const one = await rankedRig({
    prefill: [(call) => call.method === "POST" && call.socket.destroy(), goodPrefill],
    decode: [goodDecode],
  });

  const { status } = await ask(one.port, post(PLAIN));

  expect(status).toBe(200);
  expect(one.prefill.map(completions).map(({ length }) => length)).toEqual([1, 1]);
});

test("BLB compares ranks by what the metrics say of each.", async () => {
  const waiting = [5, 1, 3].map((count, rank) => `vllm:num_requests_waiting{engine="${rank}"} ${count}`);
  const tells: Script = (call) =>
    call.path === "/metrics" ? answerJson(call, `${waiting.join("\n")}\n`) : goodPrefill(call);
  const one = await rankedRig({ prefill: [tells], decode: [goodDecode] }, { policy: "BLB" });
  const told = async () => (await operator(one).state()).instances.map(({ load }) => load);
  await until(async () => (await told()).filter((load) => load !== null).length === RANKS);

  await ask(one.port, post(PLAIN));

  expect(ranks(one.prefill)).toEqual(["1"]);
});

test("An instance is drained and joined with all its ranks, by its name or address, and one rank by its own name.", async () => {
  const one = await rankedRig({ prefill: [goodPrefill], decode: [goodDecode, goodDecode] });
  const { drain, join, state } = operator(one);
  const draining = async () =>
    (await state()).instances.filter(({ draining }) => draining).map(({ name }) => name);

  const whole = await drain("decode-0");
  const during = await draining();
  await join("decode-0");
  await drain(`127.0.0.1:${one.decode[1]?.port}`);
  const byAddress = await draining();
  const last = await drain("decode-0");
  await drain("decode-0-rank-2");
  const byRank = await draining();

  expect(whole.answer).toMatchObject({ instance: "decode-0", drained: true, ended: "idle" });
  expect(during).toEqual(["decode-0-rank-0", "decode-0-rank-1", "decode-0-rank-2"]);
  expect(byAddress).toEqual(["decode-1-rank-0", "decode-1-rank-1", "decode-1-rank-2"]);
  expect(last.status).toBe(409);
  expect(byRank).toEqual(["decode-0-rank-2", ...byAddress]);
});

test("A reload keeps the ranks that there are.", async () => {
  const one = await rankedRig();

  const { answer } = await operator(one).reload();

  expect(answer).toMatchObject({ added: [], leaving: [] });
  expect(answer.kept).toHaveLength(2 * RANKS);
});
