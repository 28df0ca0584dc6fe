import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { expectedText } from "./oracle.ts";
import { completionText, post, sample, sseData, start, type TestSimulator, until } from "./testing/client.ts";

const connector = { kvConnector: "MooncakeLayerwiseConnector" } as const;
const pair = async (changes: Parameters<typeof start>[0] = {}) =>
  [
    await start({ ...connector, ...changes }),
    await start({ role: "decode", ...connector, ...changes }),
  ] as const;

const PROMPT = '"prompt":"Hello there","seed":9007199254740993';

/** Hears what decode tells; `answers` says whether the nth time is answered at all. */
async function metaserver(answers: (nth: number) => boolean = () => true) {
  const told: string[] = [];
  let asked = 0;
  const server = createServer(async (incoming: IncomingMessage, response) => {
    if (!answers(asked++)) return void incoming.socket.destroy();
    told.push(await text(incoming));
    response.end("{}");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close().closeAllConnections());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metaserver`;
  return {
    url,
    told,
    get asked() {
      return asked;
    },
    async tells(n: number): Promise<string> {
      await until(() => told.length >= n);
      return told[n - 1] ?? "";
    },
  };
}

const waits = (url: string) =>
  `"kv_transfer_params":{"do_remote_decode":false,"do_remote_prefill":true,"metaserver":"${url}"}`;

/** Asks decode, whose answer waits for a push. */
const decode = ({ url }: TestSimulator, fields: string, init: RequestInit = {}) =>
  post(`${url}/v1/completions`, `{${fields}}`, {
    ...init,
    headers: { "Content-Type": "application/json", "X-Request-Id": "r" },
  });

const prefill = ({ url }: TestSimulator, fields: string, place: string, id = "r") =>
  post(`${url}/v1/completions`, `{${fields},"max_tokens":1,"min_tokens":1,"kv_transfer_params":${place}}`, {
    headers: { "Content-Type": "application/json", "X-Request-Id": id },
  });

test("Decode tells where it wants the KV cache, waits until it is pushed there, and answers what the oracle says.", async () => {
  const [p, d] = await pair();
  const scheduler = await metaserver();

  const answering = decode(d, `${PROMPT},"max_tokens":8,${waits(scheduler.url)}`);
  const place = await scheduler.tells(1);
  const pushed = await prefill(p, PROMPT, place);
  const answer = await answering;

  expect(JSON.parse(place)).toEqual({
    token_ids: [],
    request_id: "cmpl-r-0",
    do_remote_prefill: false,
    do_remote_decode: true,
    remote_block_ids: [[0]],
    remote_block_size: [16],
    remote_engine_id: d.engine.engineId,
    remote_host: "127.0.0.1",
    remote_port: d.port,
    remote_tp_size: 2,
    remote_pcp_size: 1,
    remote_dcp_size: 1,
    remote_cached_tokens: 0,
    transfer_id: expect.any(Number),
  });
  expect(await pushed.json()).toMatchObject({ kv_transfer_params: null });
  expect(await completionText(answer)).toBe(expectedText(`{${PROMPT}}`, 8));
  expect([p, d].map(({ engine }) => engine.gauges.kvBlocksUsed)).toEqual([0, 0]);
  expect(d.engine.counters).toMatchObject({ pulled: { ok: 1, failed: 0 }, recomputed: { no_params: 0 } });
});

test("A chat's id, and a stream, are likewise.", async () => {
  const [p, d] = await pair();
  const scheduler = await metaserver();
  const chat = '"messages":[{"role":"user","content":"Hi"}]';
  const headers = { "Content-Type": "application/json", "X-Request-Id": "r" };
  const ask = ({ url }: TestSimulator, fields: string) =>
    post(`${url}/v1/chat/completions`, `{${fields}}`, { headers });

  const answering = ask(d, `${chat},"max_tokens":3,"stream":true,${waits(scheduler.url)}`);
  const place = await scheduler.tells(1);
  await ask(p, `${chat},"max_tokens":1,"kv_transfer_params":${place}`);

  expect(JSON.parse(place).request_id).toBe("chatcmpl-r");
  const events = sseData(await (await answering).text());
  expect(events.at(-1)).toBe("[DONE]");
  expect(events.length).toBeGreaterThan(3);
});

test("Each prompt of a batch has a place of its own.", async () => {
  const [p, d] = await pair();
  const scheduler = await metaserver();

  const answering = decode(d, `"prompt":["a","b"],"max_tokens":2,${waits(scheduler.url)}`);
  const places = [await scheduler.tells(1), await scheduler.tells(2)];
  for (const place of places) {
    const { request_id } = JSON.parse(place);
    // The id of a prompt alone ends with 0 in any case, so here each goes to an instance that is asked for a batch.
    await post(`${d.url}/simulator/kv/push`, {
      request_id,
      kv: { promptHash: "", sampleHash: "", content: "", blocks: [] },
    });
  }

  expect(places.map((place) => JSON.parse(place).request_id).sort()).toEqual(["cmpl-r-0", "cmpl-r-1"]);
  expect((await answering).status).toBe(400);
  const both = await prefill(p, '"prompt":["a","b"]', places[0] ?? "");
  expect(both.status).toBe(400);
});

test("Without a push decode computes nothing and waits for ever.", async () => {
  const [, d] = await pair();
  const scheduler = await metaserver();
  const leaving = new AbortController();

  const answering = decode(d, `${PROMPT},${waits(scheduler.url)}`, { signal: leaving.signal });
  await scheduler.tells(1);
  const first = await Promise.race([answering, new Promise((resolve) => setTimeout(resolve, 300, "waits"))]);

  expect(first).toBe("waits");
  expect(d.engine.counters).toMatchObject({ promptTokens: 0, generationTokens: 0 });
  leaving.abort();
  await answering.catch(() => {});
});

test("What a client has left stays taken until it has been pushed to.", async () => {
  const [p, d] = await pair();
  const scheduler = await metaserver();
  const leaving = new AbortController();
  const answering = decode(d, `${PROMPT},${waits(scheduler.url)}`, { signal: leaving.signal });
  const place = await scheduler.tells(1);

  leaving.abort();
  await answering.catch(() => {});
  await until(() => d.engine.counters.finished.abort === 1);
  const before = d.engine.gauges.kvBlocksUsed;
  await prefill(p, PROMPT, place);

  expect(before).toBeGreaterThan(0);
  await until(() => d.engine.gauges.kvBlocksUsed === 0);
});

test("Decode tries the metaserver three times, and looks at no answer.", async () => {
  const [, d] = await pair();
  const third = await metaserver((nth) => nth === 2);
  const never = await metaserver(() => false);
  const leaving = new AbortController();
  const { signal } = leaving;

  const asked = [
    decode(d, `${PROMPT},${waits(third.url)}`, { signal }),
    decode(d, `${PROMPT},${waits(never.url)}`, { signal }),
  ];
  await third.tells(1);
  await until(() => d.logged.some((line) => line.includes("the metaserver cannot be told")));

  expect([third.asked, never.asked]).toEqual([3, 3]);
  leaving.abort();
  await Promise.allSettled(asked);
});

test.for([
  ["another prompt", (place: string) => place, '"prompt":"Hello where"', 200, 400],
  [
    "changed parameters",
    (place: string) => place.replace('tp_size":2', 'tp_size":3'),
    PROMPT,
    400,
    undefined,
  ],
  [
    "parameters without a signature",
    () => '{"do_remote_decode":true,"remote_cached_tokens":0}',
    PROMPT,
    400,
    undefined,
  ],
] as const)("A prefill leg with %s is noticed.", async ([, change, fields, ofPrefill, ofDecode]) => {
  const [p, d] = await pair();
  const scheduler = await metaserver();
  const leaving = new AbortController();
  const answering = decode(d, `${PROMPT},${waits(scheduler.url)}`, { signal: leaving.signal });

  const statusOfDecode = answering.then(
    ({ status }) => status,
    () => undefined,
  );

  const answer = await prefill(p, fields, change(await scheduler.tells(1)));
  if (ofDecode === undefined) leaving.abort();

  expect([answer.status, await statusOfDecode]).toEqual([ofPrefill, ofDecode]);
});

test("A prefill leg under another id is pushed to nobody, as vllm-ascend matches by it.", async () => {
  const [p, d] = await pair();
  const scheduler = await metaserver();
  const leaving = new AbortController();
  const answering = decode(d, `${PROMPT},${waits(scheduler.url)}`, { signal: leaving.signal });

  await prefill(p, PROMPT, await scheduler.tells(1), "other");

  expect(d.engine.counters.pulled).toEqual({ ok: 0, failed: 0 });
  leaving.abort();
  await answering.catch(() => {});
});

test.for([
  ["prefill", '"kv_transfer_params":{"do_remote_decode":true}'],
  ["decode", `"prompt_logprobs":1,${waits("http://127.0.0.1:1")}`],
] as const)("What ends the core of vllm-ascend's %s does so here.", async ([role, fields]) => {
  const one = await start({ role, ...connector });

  const answer = await post(`${one.url}/v1/completions`, `{"prompt":"x",${fields}}`);

  expect(answer.status).toBe(500);
  expect(one.engine.isDead).toBe(true);
});

test("A prefill instance whose decode is gone answers all the same.", async () => {
  const [p, d] = await pair();
  const scheduler = await metaserver();
  const leaving = new AbortController();
  const answering = decode(d, `${PROMPT},${waits(scheduler.url)}`, { signal: leaving.signal });
  const place = await scheduler.tells(1);
  leaving.abort();
  await answering.catch(() => {});
  await d.close(0);

  const answer = await prefill(p, PROMPT, place);

  expect(answer.status).toBe(200);
  expect(p.logged.join()).toContain("the KV cache cannot be pushed");
});

test("A decode instance that is asked without parameters computes the prompt, and counts it.", async () => {
  const [, d] = await pair();

  await post(`${d.url}/v1/completions`, `{${PROMPT}}`);

  const metrics = await (await fetch(`${d.url}/metrics`)).text();
  expect(sample(metrics, "simulator:recomputed_total{")).toBeGreaterThan(0);
});
