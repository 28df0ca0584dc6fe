import { expect, test } from "vitest";
import { expectedText, expectedTokens } from "./oracle.ts";
import { post, start, until } from "./testing/client.ts";

const body = (fields: object) => JSON.stringify({ prompt: "Grüß \u{1f44b} ", max_tokens: 6, ...fields });

test("POST /generate answers with the prompt and the oracle's completion.", async () => {
  const { url } = await start();

  const answer = await post(`${url}/generate`, body({ temperature: 0 }));

  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.text()).toBe(
    JSON.stringify({ text: [`Grüß \u{1f44b} ${expectedText(body({ temperature: 0 }), 6)}`] }),
  );
});

test("Its stream is one record per token, ended by NUL, each with the whole text so far in ASCII.", async () => {
  const { url } = await start();

  const answer = await post(`${url}/generate`, body({ stream: true }));
  const text = await answer.text();
  const records = text.split("\0");

  expect(answer.headers.get("content-type")).toBe(null);
  expect(records.pop()).toBe("");
  expect(text).toMatch(/^[\0\x20-\x7e]*$/);
  expect(records[0]).toMatch(/^\{"text": \["Gr\\u00fc\\u00df \\ud83d\\udc4b /);
  const tokens = expectedTokens(body({ stream: true }), 6);
  expect(records.map((record) => JSON.parse(record).text)).toEqual(
    tokens.map((_, index) => [`Grüß \u{1f44b} ${tokens.slice(0, index + 1).join("")}`]),
  );
});

test.for([
  { fields: { kv_transfer_params: {} } },
  { fields: { stream_options: {} } },
  { fields: { model: "sim" } },
  { fields: { max_tokens: 0 } },
  { fields: { max_tokens: "6" } },
  { fields: { min_tokens: 7 } },
  { fields: { prompt: undefined } },
  { fields: { prompt: ["a", "b"] } },
  { fields: { prompt: "x ".repeat(5000) } },
])("What SamplingParams does not take is an Internal Server Error: $fields.", async ({ fields }) => {
  const { url } = await start();

  const answer = await post(`${url}/generate`, body(fields));

  expect([answer.status, await answer.text()]).toEqual([500, "Internal Server Error"]);
});

test("Prefill keeps the KV cache of a prompt, and decode finds it by the prompt alone.", async () => {
  const prefills = [await start({ kvLookup: "prompt" }), await start({ kvLookup: "prompt" })];
  const kvPeers = prefills.map(({ port }) => `127.0.0.1:${port}`);
  const decode = await start({ role: "decode", kvLookup: "prompt", kvPeers });

  const first = await post(`${prefills[1]?.url}/generate`, body({ max_tokens: 1 }));
  const held = prefills.map(({ engine }) => engine.gauges.kvBlocksLeased);
  const answer = await post(`${decode.url}/generate`, body({ stream: false }));

  expect(await first.json()).toEqual({ text: [expect.any(String)] });
  expect(held).toEqual([0, 1]);
  expect(await answer.json()).toEqual({ text: [`Grüß \u{1f44b} ${expectedText(body({}), 6)}`] });
  expect(decode.engine.counters).toMatchObject({
    pulled: { ok: 1, failed: 0 },
    recomputed: { not_found: 0 },
  });
  expect(prefills.map(({ engine }) => engine.gauges.kvBlocksUsed)).toEqual([0, 0]);
});

test("The KV cache of a prompt is handed out once, and of another prompt never.", async () => {
  const prefill = await start({ kvLookup: "prompt" });
  const kvPeers = [`127.0.0.1:${prefill.port}`];
  const decode = await start({ role: "decode", kvLookup: "prompt", kvPeers });
  await post(`${prefill.url}/v1/completions`, { prompt: "a", max_tokens: 1 });

  for (const prompt of ["b", "a", "a"]) {
    const answer = await post(`${decode.url}/v1/completions`, { prompt, max_tokens: 3 });
    expect(answer.status).toBe(200);
  }

  expect(decode.engine.counters).toMatchObject({
    pulled: { ok: 1, failed: 2 },
    recomputed: { not_found: 2 },
  });
});

test("A client that leaves ends the generation.", async () => {
  const { url, engine } = await start({ interTokenMs: 1000 });
  const leaving = new AbortController();
  const answer = post(`${url}/generate`, body({ stream: true }), { signal: leaving.signal });
  await (await answer).body?.getReader().read();

  leaving.abort();

  await until(() => engine.counters.finished.abort === 1 && engine.gauges.kvBlocksUsed === 0);
});
