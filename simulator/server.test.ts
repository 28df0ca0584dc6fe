import { request as httpRequest } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { expectedText, expectedTokens } from "./oracle.ts";
import { completionText, post, sample, sseData, start, until } from "./testing/client.ts";

test("A completion has exactly the tokens of the oracle, and exact usage.", async () => {
  const { url } = await start();
  const body = `{"model":"sim","prompt":"Hello there","max_tokens":9,"seed":9007199254740993}`;

  const answer = await post(`${url}/v1/completions`, body);

  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.json()).toMatchObject({
    id: expect.stringMatching(/^cmpl-/),
    object: "text_completion",
    model: "sim",
    choices: [{ index: 0, text: expectedText(body, 9), finish_reason: "length" }],
    usage: { prompt_tokens: 2, completion_tokens: 9, total_tokens: 11 },
    kv_transfer_params: null,
  });
});

test("A chat completion carries the oracle's text as the assistant's message.", async () => {
  const { url } = await start();
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 5 });

  const answer = await post(`${url}/v1/chat/completions`, body);

  expect(await answer.json()).toMatchObject({
    id: expect.stringMatching(/^chatcmpl-/),
    object: "chat.completion",
    choices: [{ message: { role: "assistant", content: expectedText(body, 5) }, finish_reason: "length" }],
    usage: { prompt_tokens: 6, completion_tokens: 5, total_tokens: 11 },
  });
});

test("A streamed completion is one event per token, then usage when asked for, then [DONE].", async () => {
  const { url } = await start();
  const body = JSON.stringify({
    prompt: "Hello",
    max_tokens: 3,
    stream: true,
    stream_options: { include_usage: true },
  });

  const answer = await post(`${url}/v1/completions`, body);
  const data = sseData(await answer.text());

  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(data.pop()).toBe("[DONE]");
  const [first, second, third, usage] = data.map((text) => JSON.parse(text));
  expect([first, second, third].map((chunk) => chunk.choices[0].text)).toEqual(expectedTokens(body, 3));
  expect([first, second, third].map((chunk) => chunk.choices[0].finish_reason)).toEqual([
    null,
    null,
    "length",
  ]);
  expect(usage).toMatchObject({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 3 } });
  expect(new Set([first, second, third, usage].map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
});

test("A streamed chat begins with the role, has no usage unless asked for, and ends with [DONE].", async () => {
  const { url } = await start();
  const body = JSON.stringify({ messages: [{ role: "user", content: "x" }], max_tokens: 2, stream: true });

  const data = sseData(await (await post(`${url}/v1/chat/completions`, body)).text());

  expect(data.pop()).toBe("[DONE]");
  expect(data.map((text) => JSON.parse(text).choices[0].delta)).toEqual([
    { role: "assistant", content: "" },
    ...expectedTokens(body, 2).map((content) => ({ content })),
  ]);
});

test.for(["completions", "chat/completions"])(
  "%s of vLLM 0.33 have null KV parameters in each chunk with a token.",
  async (path) => {
    const { url } = await start({ vllmVersion: "0.33" });
    const body = { prompt: "x", messages: [{ role: "user", content: "x" }], max_tokens: 3, stream: true };

    const data = sseData(await (await post(`${url}/v1/${path}`, body)).text());

    const withTokens = data.filter((text) => text.includes('"token_ids"'));
    expect(withTokens.map((text) => JSON.parse(text).kv_transfer_params)).toEqual([null, null, null]);
    expect(data.filter((text) => text.includes("kv_transfer_params"))).toEqual(withTokens);
  },
);

test("Whatever the prompt, plain and streamed answers say the same, which is what the oracle says.", async () => {
  const { url } = await start();
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "binary", minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 20 }),
      async (prompt, count) => {
        const body = JSON.stringify({ prompt, max_tokens: count });

        const plain = await post(`${url}/v1/completions`, body);
        const streamed = await post(`${url}/v1/completions`, { prompt, max_tokens: count, stream: true });
        const chunks = sseData(await streamed.text())
          .slice(0, -1)
          .map((text) => JSON.parse(text));

        expect(await completionText(plain)).toBe(expectedText(body, count));
        expect(chunks.map((chunk) => chunk.choices[0].text).join("")).toBe(expectedText(body, count));
      },
    ),
    { numRuns: 15 },
  );
});

test("Errors have vLLM's shape, and come before a stream begins.", async () => {
  const { url } = await start();

  const answer = await post(`${url}/v1/completions`, { prompt: "x", model: "other", stream: true });

  expect(answer.status).toBe(404);
  expect(await answer.json()).toEqual({
    error: {
      message: "The model `other` does not exist. Valid aliases: sim.",
      type: "NotFoundError",
      param: "model",
      code: 404,
    },
  });
});

test("The client's X-Request-Id is in the header and the id of the answer; without one there is a new one.", async () => {
  const { url } = await start();
  const init = { headers: { "Content-Type": "application/json", "X-Request-Id": "abc-1" } };

  const answer = await post(`${url}/v1/completions`, { prompt: "x" }, init);
  const other = await fetch(`${url}/nowhere`);

  // As uvicorn, which does not say how long it keeps a connection open.
  expect(answer.headers.get("keep-alive")).toBeNull();
  expect(answer.headers.get("x-request-id")).toBe("abc-1");
  expect(await answer.json()).toMatchObject({ id: "cmpl-abc-1" });
  expect(other.headers.get("x-request-id")).toMatch(/^[0-9a-f]{32}$/);
});

test("The other paths answer as vLLM's do.", async () => {
  const { url } = await start();
  const get = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`${url}${path}`, init);
    return [answer.status, await answer.text()];
  };

  expect(await get("/health")).toEqual([200, ""]);
  expect(await get("/load")).toEqual([200, `{"server_load":0}`]);
  expect(await get("/version")).toEqual([200, `{"version":"0.32.0+simulated"}`]);
  expect(await get("/nowhere")).toEqual([404, `{"detail":"Not Found"}`]);
  expect(await get("/health", { method: "POST" })).toEqual([405, `{"detail":"Method Not Allowed"}`]);
  expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({
    object: "list",
    data: [{ id: "sim", object: "model", owned_by: "vllm", root: "/m", max_model_len: 4096 }],
  });
});

test("Metrics count tokens and requests.", async () => {
  const { url } = await start();
  await post(`${url}/v1/completions`, { prompt: "one two", max_tokens: 5 });
  await post(`${url}/v1/completions`, { prompt: "three", max_tokens: 1 });

  const answer = await fetch(`${url}/metrics`);
  const metrics = await answer.text();

  expect(answer.headers.get("content-type")).toContain("text/plain");
  expect(sample(metrics, "vllm:kv_cache_usage_perc")).toBe(0);
  expect(sample(metrics, "vllm:prompt_tokens_total")).toBe(3);
  expect(sample(metrics, "vllm:generation_tokens_total")).toBe(6);
  expect(metrics).toMatch(/vllm:request_success_total\{[^}]*finished_reason="length"[^}]*\} 2/);
  expect(sample(metrics, "vllm:time_to_first_token_seconds_count")).toBe(2);
});

test.each([
  ["batch", { maxNumSeqs: 1 }],
  ["KV cache", { kvBlocks: 256, maxModelLen: 4096 }],
])("A request that does not fit into the %s waits, and runs when the first leaves.", async (_, limits) => {
  const { url, engine } = await start({ ...limits, interTokenMs: 1000 });
  const leaving = new AbortController();
  const long = { prompt: "x", max_tokens: 4095 };
  const first = post(`${url}/v1/completions`, long, { signal: leaving.signal }).catch(() => "left");
  await until(() => engine.gauges.running === 1);

  const second = post(`${url}/v1/completions`, { prompt: "y", max_tokens: 1 });
  await until(() => engine.gauges.waiting === 1);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  leaving.abort();

  expect(sample(metrics, "vllm:num_requests_waiting")).toBe(1);
  expect(sample(metrics, "vllm:num_requests_running")).toBe(1);
  expect((await second).status).toBe(200);
  expect(await first).toBe("left");
});

test.each([
  ["that streams", true],
  ["that waits for a plain answer", false],
])("A client %s and leaves frees its place and blocks at once.", async (_, stream) => {
  const { url, engine, port } = await start({ interTokenMs: 3_600_000 });
  const headers = { "Content-Type": "application/json" };
  const client = httpRequest({ port, path: "/v1/completions", method: "POST", headers });
  client.on("error", () => {});
  client.end(JSON.stringify({ prompt: "x", max_tokens: 100, stream }));
  await until(() => engine.gauges.running === 1 && engine.counters.generationTokens === 1);

  client.destroy();
  await until(() => engine.gauges.running === 0);

  expect(engine.gauges).toMatchObject({ waiting: 0, kvBlocksUsed: 0 });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(
    sample(metrics, `vllm:request_success_total{model_name="sim",engine="0",finished_reason="abort"}`),
  ).toBe(1);
});

test("A client that leaves the queue does not hold up those behind it.", async () => {
  const { url, engine } = await start({ kvBlocks: 256, interTokenMs: 3_600_000 });
  const leaving = new AbortController();
  const ask = (maxTokens: number, init: RequestInit = {}) =>
    post(`${url}/v1/completions`, { prompt: "x", max_tokens: maxTokens }, init);
  const first = ask(100).catch(() => "cut when the test ends");
  await until(() => engine.gauges.running === 1);
  const tooLargeForNow = ask(4095, { signal: leaving.signal }).catch(() => "left");
  await until(() => engine.gauges.waiting === 1);
  const small = ask(1);
  await until(() => engine.gauges.waiting === 2);

  leaving.abort();

  expect((await small).status).toBe(200);
  expect(await tooLargeForNow).toBe("left");
  void first;
});
