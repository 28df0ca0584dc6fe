import { expect, test } from "vitest";
import { ask, client, get, PLAIN, post, until } from "../testing/client.ts";
import { answerJson, type EngineCall, type FakeEngine, goodPrefill, type Script } from "../testing/engine.ts";
import { type Rig, startRig } from "../testing/rig.ts";

/** A prefill instance whose /metrics are `text`, or what `Object.assign` puts there later. */
interface Telling {
  metrics: string | undefined;
  readonly script: Script;
}

function telling(metrics: string | undefined): Telling {
  const one: Telling = {
    metrics,
    script: (call) => {
      if (call.path !== "/metrics") goodPrefill(call);
      else if (one.metrics === undefined) answerJson(call, "{}", "404 Not Found");
      else answerJson(call, one.metrics);
    },
  };
  return one;
}

/** How many completions each has been asked for. */
function shares(engines: readonly FakeEngine[]): number[] {
  return engines.map(({ calls }) => calls.filter(({ path }) => path !== "/metrics").length);
}

/** Waits until every instance has been asked for its load `times` more; the answers but the last have been heard. */
async function scraped({ prefill, port }: Rig, times: number): Promise<void> {
  const count = ({ calls }: FakeEngine) => calls.filter(({ path }) => path === "/metrics").length;
  const before = prefill.map(count);
  const isDone = () => prefill.every((engine, index) => count(engine) >= (before[index] ?? 0) + times);
  await until(isDone);
  await ask(port, get("/livez"));
}

/** Waits for the first answer, where there is no second one to wait for. */
async function scrapedOnce({ prefill, port }: Rig): Promise<void> {
  await Promise.all(prefill.map((engine) => engine.call(1)));
  for (let i = 0; i < 5; i++) await ask(port, get("/livez"));
}

const ONCE = { health: { intervalMs: 600_000, timeoutMs: 2000 } };
const waiting = (count: number) => `vllm:num_requests_waiting{model_name="m",engine="0"} ${count}.0\n`;
const cache = (blocks: number, usage: number) =>
  `vllm:cache_config_info{block_size="16",num_gpu_blocks="${blocks}"} 1.0\nvllm:kv_cache_usage_perc{engine="0"} ${usage}\n`;

async function send({ port }: Rig, count: number, body = PLAIN): Promise<void> {
  for (let i = 0; i < count; i++) expect((await ask(port, post(body))).status).toBe(200);
}

test("BLB: what was sent since the scrape counts as queued, so a short queue is filled up, then all share.", async () => {
  const one = await startRig(
    { prefill: [telling(waiting(3)), telling(waiting(0)), telling(waiting(1))].map(({ script }) => script) },
    { policy: "BLB", ...ONCE },
  );
  await scrapedOnce(one);

  await send(one, 5);
  const filled = shares(one.prefill);
  await send(one, 6);

  expect(filled).toEqual([0, 3, 2]);
  expect(shares(one.prefill)).toEqual([2, 5, 4]);
});

test("BLB: queues of several ranks of one instance add up.", async () => {
  const ranks = 'vllm:num_requests_waiting{engine="0"} 2\nvllm:num_requests_waiting{engine="1"} 2\n';
  const one = await startRig(
    { prefill: [telling(ranks).script, telling(waiting(3)).script] },
    { policy: "BLB", ...ONCE },
  );
  await scrapedOnce(one);

  await send(one, 1);

  expect(shares(one.prefill)).toEqual([0, 1]);
});

test("BLB: a new scrape replaces what was counted since the one before.", async () => {
  const tellers = [telling(waiting(2)), telling(waiting(0))];
  const one = await startRig(
    { prefill: tellers.map(({ script }) => script) },
    { policy: "BLB", health: { intervalMs: 20, timeoutMs: 2000 } },
  );

  for (let i = 0; i < 4; i++) {
    await scraped(one, 2);
    await send(one, 1);
  }

  expect(shares(one.prefill)).toEqual([0, 4]);
});

test("FreeKVFirst: free tokens count, not the fraction that is free, less the prompts sent since.", async () => {
  // 16,000 tokens free of 16,000; 16,800 of 160,000.
  const one = await startRig(
    { prefill: [telling(cache(1000, 0)).script, telling(cache(10_000, 0.895)).script] },
    { policy: "FreeKVFirst", ...ONCE },
  );
  await scrapedOnce(one);
  const thousandTokens = `{"model":"m","prompt":"${"x".repeat(4000)}"}`;

  await send(one, 1, thousandTokens);
  const first = shares(one.prefill);
  await send(one, 3, thousandTokens);

  expect(first).toEqual([0, 1]);
  expect(shares(one.prefill)).toEqual([2, 2]);
});

test.for([
  {
    policy: "BLB",
    text: "vllm:num_requests_running 0\n",
    says: "requests in flight decide: /metrics has no vllm:num_requests_waiting",
  },
  {
    policy: "FreeKVFirst",
    text: waiting(0),
    says: "requests in flight decide: /metrics has no vllm:kv_cache_usage_perc nor vllm:gpu_cache_usage_perc",
  },
  { policy: "BLB", text: undefined, says: "requests in flight decide: /metrics does not answer" },
] as const)("$policy without its signal: $says.", async ({ policy, text, says }) => {
  const tellers = [telling(text), telling(waiting(9) + cache(10_000, 0.9))];
  const one = await startRig(
    { prefill: tellers.map(({ script }) => script) },
    { policy, health: { intervalMs: 30, timeoutMs: 2000 } },
  );
  await scraped(one, 2);

  await send(one, 4);

  expect(shares(one.prefill)).toEqual([2, 2]);
  expect(one.events).toEqual([{ time: expect.any(String), instance: "prefill-0", routing: says }]);
});

test("An instance that gets no requests need not tell its load.", async () => {
  const one = await startRig(
    { prefill: [telling(waiting(5)), telling(waiting(0)), telling(undefined)].map(({ script }) => script) },
    { policy: "BLB", health: { intervalMs: 20, timeoutMs: 2000 } },
  );
  Object.assign(one.prefill[2] ?? {}, { health: (call: EngineCall) => call.socket.destroy() });
  await until(() => one.healthChanges >= 5);
  await scraped(one, 2);

  await send(one, 3);

  expect(shares(one.prefill)).toEqual([0, 3, 0]);
});

test("A signal that comes back decides again, and that is said too.", async () => {
  const tellers = [telling(waiting(5)), telling(undefined)];
  const one = await startRig(
    { prefill: tellers.map(({ script }) => script) },
    { policy: "BLB", health: { intervalMs: 30, timeoutMs: 2000 } },
  );
  await scraped(one, 2);
  Object.assign(tellers[1] ?? {}, { metrics: waiting(0) });
  await scraped(one, 2);

  await send(one, 3);

  expect(shares(one.prefill)).toEqual([0, 3]);
  expect(one.events).toMatchObject([
    { instance: "prefill-1", routing: "requests in flight decide: /metrics does not answer" },
    { instance: "prefill-1", routing: "BLB compares by load" },
  ]);
});

test("A scrape that hangs makes the numbers stale: requests in flight decide.", async () => {
  const tellers = [telling(waiting(5)), telling(waiting(0))];
  const one = await startRig(
    { prefill: tellers.map(({ script }) => script) },
    { policy: "BLB", health: { intervalMs: 30, timeoutMs: 150 } },
  );
  await scraped(one, 1);
  for (const engine of one.prefill) {
    const { script } = engine;
    engine.script = (call) => call.path !== "/metrics" && script(call);
  }
  await until(() => one.events.length >= 2);

  await send(one, 4);

  expect(shares(one.prefill)).toEqual([2, 2]);
});

test("Without a signal requests in flight decide, not turns.", async () => {
  const hang: Script = (call) => call.path === "/metrics" && answerJson(call, "");
  const one = await startRig({ prefill: [hang, telling("").script] }, { policy: "BLB", ...ONCE });
  const slow = await client(one.port);
  slow.send(post(PLAIN));
  await until(() => shares(one.prefill)[0] === 1);

  await send(one, 3);

  expect(shares(one.prefill)).toEqual([1, 3]);
});

test("RoundRobin asks no instance for its load.", async () => {
  const one = await startRig({ prefill: [telling(waiting(9)).script, telling(waiting(0)).script] });

  await send(one, 4);

  expect(one.prefill.map(({ calls }) => calls.length)).toEqual([2, 2]);
});
