import { expect, test } from "vitest";
import { ask, client, post, until } from "../testing/client.ts";
import { answerJson, type FakeEngine, goodDecode, goodPrefill, type Script } from "../testing/engine.ts";
import { type Overrides, type Rig, startRig } from "../testing/rig.ts";

/** What a test has an engine say of itself, and keep back. */
interface Told {
  metrics: string;
  hold: boolean;
}

const cacheInfo = (blocks: number) =>
  `vllm:cache_config_info{block_size="16",num_gpu_blocks="${blocks}"} 1\n`;
const found = (hits: number, queries: number) =>
  `vllm:prefix_cache_hits_total{engine="0"} ${hits}\nvllm:prefix_cache_queries_total{engine="0"} ${queries}\n`;

function told(): Told {
  return { metrics: cacheInfo(65_536) + found(0, 0), hold: false };
}

function telling(one: Told, answer: Script): Script {
  return (call) => {
    if (call.path === "/metrics") answerJson(call, one.metrics);
    else if (!one.hold) answer(call);
  };
}

const scrapes = ({ calls }: FakeEngine) => calls.filter(({ path }) => path === "/metrics").length;

async function start(instances: number, overrides: Overrides = {}) {
  const prefill = Array.from({ length: instances }, told);
  const decode = Array.from({ length: instances }, told);
  const rig = await startRig(
    {
      prefill: prefill.map((one) => telling(one, goodPrefill)),
      decode: decode.map((one) => telling(one, goodDecode)),
    },
    { policy: "affinity", health: { intervalMs: 30, timeoutMs: 2000 }, ...overrides },
  );
  // The answers but the last have been heard.
  await until(() => [...rig.prefill, ...rig.decode].every((engine) => scrapes(engine) >= 2));
  return { rig, prefill, decode };
}

const completionsOf = ({ calls }: FakeEngine) => calls.filter(({ path }) => path !== "/metrics");
const counts = (engines: readonly FakeEngine[]) => engines.map((engine) => completionsOf(engine).length);

/** Of `size` bytes, which begins with `start` and has nothing else that others have. */
const promptOf = (start: string, size: number, own: string) => {
  const beginning = start.repeat(Math.ceil(size / start.length)).slice(0, size);
  return `${beginning} ${own}`;
};
const completion = (prompt: string) =>
  post(`{"model":"m","prompt":${JSON.stringify(prompt)},"max_tokens":2}`);
const chat = (...messages: object[]) =>
  post(JSON.stringify({ model: "m", messages, max_tokens: 2 }), "/v1/chat/completions");

async function send({ port }: Rig, ...requests: readonly string[]): Promise<void> {
  for (const request of requests) expect((await ask(port, request)).status).toBe(200);
}

test("Prompts that begin alike go to one prefill and one decode instance, groups to different ones.", async () => {
  const { rig } = await start(2);

  for (let round = 0; round < 4; round++)
    for (const group of ["one ", "two "]) await send(rig, completion(promptOf(group, 8000, `${round}`)));

  const groupsAt = (engine: FakeEngine) =>
    new Set(completionsOf(engine).map(({ body }) => JSON.parse(body).prompt.slice(0, 3)));
  expect(counts(rig.prefill)).toEqual([4, 4]);
  expect(rig.prefill.map((engine) => groupsAt(engine).size)).toEqual([1, 1]);
  expect(rig.decode.map((engine) => groupsAt(engine).size)).toEqual([1, 1]);
});

test("A conversation goes on where it was, whoever else comes between.", async () => {
  const { rig } = await start(3);
  const said: object[] = [];

  for (let turn = 0; turn < 5; turn++) {
    said.push({ role: "user", content: `turn ${turn} `.repeat(200) });
    await send(rig, chat(...said), chat({ role: "user", content: `someone else ${turn} `.repeat(300) }));
    said.push({ role: "assistant", content: `answer ${turn} `.repeat(50) });
  }

  const its = (engine: FakeEngine) =>
    completionsOf(engine).filter(({ body }) => JSON.parse(body).messages[0].content.startsWith("turn"))
      .length;
  expect(rig.prefill.map(its).sort()).toEqual([0, 0, 5]);
  expect(rig.decode.map(its).sort()).toEqual([0, 0, 5]);
});

test("A prefix that is busy is computed elsewhere, as soon as that takes less than to wait.", async () => {
  const { rig, prefill } = await start(2);
  await send(rig, completion(promptOf("hot ", 8000, "first")));
  const [home = 0] = [rig.prefill.findIndex((engine) => completionsOf(engine).length === 1)];
  const away = 1 - home;
  Object.assign(prefill[home] ?? {}, { hold: true });
  const clients = [];
  // Each is 1 KiB of its own, 1 KiB for a request; the prefix is 8: the fifth or so is better off elsewhere.
  for (let waiting = 0; waiting < 8; waiting++) {
    const one = await client(rig.port);
    clients.push(one);
    one.send(completion(promptOf("hot ", 8000, `${waiting} `.repeat(512))));
    await until(() => counts(rig.prefill).reduce((sum, count) => sum + count) === waiting + 2);
  }

  const [atHome = 0, elsewhere = 0] = [home, away].map((at) => counts(rig.prefill)[at]);

  expect(atHome + elsewhere).toBe(9);
  expect(atHome).toBeGreaterThan(3);
  expect(elsewhere).toBeGreaterThan(1);
  for (const one of clients) one.socket.destroy();
});

test("A long prompt counts as what it is: short ones go around it.", async () => {
  const { rig, prefill } = await start(2);
  const slow = await client(rig.port);
  for (const one of prefill) one.hold = true;
  slow.send(completion(promptOf("long ", 100_000, "")));
  await until(() => counts(rig.prefill).includes(1));
  const busy = counts(rig.prefill).indexOf(1);
  for (const one of prefill) one.hold = false;

  for (let at = 0; at < 6; at++) await send(rig, completion(`short ${at}`));

  expect(counts(rig.prefill)[busy]).toBe(1);
  slow.socket.destroy();
});

test("Decode goes by tokens, whatever the policy for prefill: one long prompt is more than a short one.", async () => {
  const holding: Script = (call) => {
    if (call.body.length < 10_000) goodDecode(call);
  };
  const rig = await startRig({ decode: [holding, holding] });
  const slow = await client(rig.port);
  slow.send(completion(promptOf("long ", 100_000, "")));
  await until(() => counts(rig.decode).includes(1));
  const busy = counts(rig.decode).indexOf(1);
  const shorts = Array.from({ length: 6 }, (_, at) => ask(rig.port, completion(`short ${at}`)));

  for (const { status } of await Promise.all(shorts)) expect(status).toBe(200);

  expect(counts(rig.decode)[busy]).toBe(1);
  slow.socket.destroy();
});

test("An instance that counts from 0 again was started anew, and is not taken to have what it had.", async () => {
  const { rig, prefill } = await start(2);
  await send(rig, completion(promptOf("gone ", 8000, "")));
  const home = counts(rig.prefill).indexOf(1);
  const tell = async (metrics: string) => {
    Object.assign(prefill[home] ?? {}, { metrics });
    const before = scrapes(rig.prefill[home] as FakeEngine);
    await until(() => scrapes(rig.prefill[home] as FakeEngine) >= before + 3);
  };
  await tell(cacheInfo(65_536) + found(0, 2000));
  await tell(cacheInfo(65_536) + found(0, 0));

  // Whose turn it is: the other one, unless the first is thought to have it.
  await send(rig, completion(promptOf("gone ", 8000, "again")));

  expect(counts(rig.prefill)).toEqual([1, 1]);
});

test("Instances that do not tell of their cache are said to be guessed of, and those that do to be known.", async () => {
  const { rig, prefill } = await start(1);
  Object.assign(prefill[0] ?? {}, { metrics: "" });
  await until(() => rig.events.length === 1);
  Object.assign(prefill[0] ?? {}, { metrics: cacheInfo(100) });
  await until(() => rig.events.length === 2);
  Object.assign(prefill[0] ?? {}, { metrics: told().metrics });
  await until(() => rig.events.length === 3);

  expect(rig.events).toMatchObject([
    {
      routing:
        "affinity guesses what the prefix cache holds: /metrics has no vllm:cache_config_info with num_gpu_blocks",
    },
    {
      routing:
        "affinity guesses what the prefix cache holds: /metrics has no vllm:prefix_cache_queries and _hits",
    },
    { routing: "affinity knows the prefix cache" },
  ]);
});

test("Workers share what they know of prefix caches.", async () => {
  const { rig } = await start(2, { workers: 2 });

  for (let round = 0; round < 8; round++)
    await send(rig, completion(promptOf("shared by all ", 8000, `${round}`)));

  expect(counts(rig.prefill).sort()).toEqual([0, 8]);
});
