import { expect, test } from "vitest";
import { members } from "./json.ts";
import { expectedText, expectedTexts } from "./oracle.ts";
import { completionText, post, sseData, start, type TestSimulator } from "./testing/client.ts";

/** 20 tokens: a full block of 16 and some. */
const long = (word: string) => `${word} `.repeat(20);
const DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause.";

/** A prefill and a decode instance that are strict, or that check nothing. */
const pair = async (kvCheck: "strict" | "none") =>
  [await start({ kvCheck }), await start({ role: "decode", kvCheck })] as const;

/** The prefill leg; gives the one set of `kv_transfer_params` as the bytes that came. */
async function prefill({ url }: TestSimulator, fields: object): Promise<string> {
  const kv_transfer_params = { do_remote_decode: true, do_remote_prefill: false };
  const answer = await post(`${url}/v1/completions`, { ...fields, max_tokens: 1, kv_transfer_params });
  return members(await answer.text()).get("kv_transfer_params") ?? "";
}

function decode({ url }: TestSimulator, params: string, fields: object): Promise<Response> {
  const text = JSON.stringify({ max_tokens: 8, ...fields });
  return post(`${url}/v1/completions`, `${text.slice(0, -1)},"kv_transfer_params":${params}}`);
}

const textsOf = async (answer: Response): Promise<string[]> =>
  JSON.parse(await answer.text()).choices.map(({ text }: { text: string }) => text);

const right = (prompt: string) => expectedText(JSON.stringify({ prompt }), 8);

test("Prefill computes and holds the KV cache of every sample of every prompt, and names one.", async () => {
  const [p] = await pair("strict");

  const params = await prefill(p, { prompt: ["a", "b"], n: 3 });

  expect(p.engine.gauges).toMatchObject({ kvBlocksLeased: 6, kvBlocksUsed: 6 });
  expect(JSON.parse(params).remote_request_id).toMatch(/^[012]_cmpl-.*-0-[0-9a-f]{8}$/);
});

test("n samples are answered from one hand-over, which is pulled once.", async () => {
  const [p, d] = await pair("strict");
  const params = await prefill(p, { prompt: "x", seed: 5 });

  const answer = await decode(d, params, { prompt: "x", seed: 5, n: 3 });

  expect(await textsOf(answer)).toEqual(expectedTexts(`{"prompt":"x","seed":5,"n":3}`, 8));
  expect(d.engine.counters.pulled).toEqual({ ok: 1, failed: 0 });
  expect(p.engine.gauges.kvBlocksUsed).toBe(0);
});

test("Several prompts with one set of parameters are refused.", async () => {
  const [p, d] = await pair("strict");
  const params = await prefill(p, { prompt: ["x", "y"] });

  const answer = await decode(d, params, { prompt: ["x", "y"] });

  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringContaining("of one prompt, `prompt` has 2"),
  ]);
});

test("In a stream, whose head is out already, a refusal is an error event.", async () => {
  const [p, d] = await pair("strict");

  const answer = await decode(d, await prefill(p, { prompt: "x" }), { prompt: "y", stream: true });

  const [event = "", ...rest] = sseData(await answer.text());
  expect(JSON.parse(event).error).toMatchObject({
    code: 400,
    message: expect.stringContaining("another prompt"),
  });
  expect(rest).toEqual(["[DONE]"]);
});

test("Parameters that no simulator made are refused, also where nobody listens, and whatever the failure policy.", async () => {
  const d = await start({ role: "decode", kvLoadFailurePolicy: "recompute" });
  const madeUp = { do_remote_prefill: true, remote_engine_id: "e", remote_request_id: "r" };

  const answer = await decode(d, JSON.stringify({ ...madeUp, remote_host: "127.0.0.1", remote_port: 1 }), {
    prompt: "x",
  });

  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringContaining("not what prefill handed out for this prompt"),
  ]);
});

test("With a changed request id no KV cache is found, and the parameters are seen to be foreign.", async () => {
  const [p, d] = await pair("strict");
  const params = await prefill(p, { prompt: "x" });

  const answer = await decode(d, params.replace("cmpl-", "cmpl-0"), { prompt: "x" });

  expect([answer.status, await answer.text()]).toEqual([
    400,
    expect.stringContaining("no KV cache is held for cmpl-0"),
  ]);
});

test.each<[string, string]>([
  ["vllm_xargs.kv_transfer_params", `"vllm_xargs":{"kv_transfer_params":"x"}`],
  ["vllm_xargs.kv_transfer_params", String.raw`"vllm_xargs":{"\u006bv_transfer_params":{}}`],
  ["vllm_xargs.ec_transfer_params", `"vllm_xargs":{"a":1,"ec_transfer_params":null}`],
  ["ec_transfer_params", `"ec_transfer_params":{"a":1}`],
])("Foreign parameters in %s are refused: %s.", async (path, field) => {
  const { url } = await start();

  const answer = await post(`${url}/v1/completions`, `{"prompt":"x",${field}}`);

  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    error: {
      param: path,
      message: `\`${path}\` holds foreign parameters: no simulator hands any out there. (parameter=${path})`,
    },
  });
});

test("Other vllm_xargs pass.", async () => {
  const { url } = await start();

  const answer = await post(`${url}/v1/completions`, {
    prompt: "x",
    vllm_xargs: { a: [1, "b"] },
    ec_transfer_params: {},
  });

  expect(answer.status).toBe(200);
});

test("Unchecked, the second prompt is answered from the first one's blocks, and so are others with its prefix.", async () => {
  const [p, d] = await pair("none");
  const [x, y] = [long("x"), long("y")];
  const params = await prefill(p, { prompt: [x, y] });

  const batch = await textsOf(await decode(d, params, { prompt: [x, y] }));
  const later = await Promise.all(
    [y, `${y} and more`, x, `y ${x}`].map(async (prompt) =>
      completionText(await decode(d, await prefill(p, { prompt }), { prompt })),
    ),
  );
  const recomputed = await completionText(
    await post(`${d.url}/v1/completions`, { prompt: y, max_tokens: 8 }),
  );

  expect(batch).toEqual([right(x), right(x)]);
  expect(later).toEqual([right(x), right(x), right(x), right(`y ${x}`)]);
  expect(recomputed).toBe(right(x));
});

test("Unchecked, blocks that both prompts begin with are right, and blocks that are not full are not kept.", async () => {
  const [p, d] = await pair("none");
  const [x, y] = [`${long("s")}x`, `${long("s")}y`];

  const wrong = await completionText(await decode(d, await prefill(p, { prompt: x }), { prompt: y }));
  const later = await completionText(await decode(d, await prefill(p, { prompt: y }), { prompt: y }));

  expect([wrong, later]).toEqual([right(x), right(y)]);
});

test("Unchecked, the wrong answer is to the other prompt's seed.", async () => {
  const [p, d] = await pair("none");
  const params = await prefill(p, { prompt: "x", seed: 1 });

  const answer = await decode(d, params, { prompt: "y", seed: 2, n: 2 });

  const wrong = expectedText(`{"prompt":"x","seed":1}`, 8);
  expect(await textsOf(answer)).toEqual([wrong, wrong]);
});

test("Unchecked, parameters of the same prompt are right, whatever else differs.", async () => {
  const [p, d] = await pair("none");
  const params = await prefill(p, { prompt: "x", top_p: 1 });

  const answer = await decode(d, params, { prompt: "x", top_p: 0.5 });

  expect(await completionText(answer)).toBe(expectedText(`{"prompt":"x","top_p":0.5}`, 8));
});

test("Unchecked, a prompt that needs more blocks than the parameters name ends the engine core.", async () => {
  const p = await start({ kvCheck: "none" });
  const d = await start({ role: "decode", kvCheck: "none", interTokenMs: 3_600_000 });
  const inFlight = await post(`${d.url}/v1/completions`, { prompt: "z", max_tokens: 9, stream: true });
  const params = await prefill(p, { prompt: ["x", long("y")] });

  const answer = await decode(d, params, { prompt: ["x", long("y")] });
  const next = await post(`${d.url}/v1/completions`, { prompt: "x", stream: true });

  const error = { message: DEAD, type: "InternalServerError", param: null, code: 500 };
  expect([answer.status, await answer.json()]).toEqual([500, { error }]);
  expect([next.status, await next.json()]).toEqual([500, { error }]);
  expect(sseData(await inFlight.text()).slice(-2)).toEqual([JSON.stringify({ error }), "[DONE]"]);
  expect((await fetch(`${d.url}/health`)).status).toBe(503);
  expect(d.logged.join()).toContain("the engine core died: a prompt needs 2 KV blocks");
  expect(d.engine.gauges).toMatchObject({ running: 0, waiting: 0, kvBlocksUsed: 0 });
  expect((await fetch(`${p.url}/health`)).status).toBe(200);
});

test.each<[string, object, number, number]>([
  ["a text ends the engine core", { vllm_xargs: { kv_transfer_params: "x" } }, 500, 503],
  ["so does one for the encoder cache", { vllm_xargs: { ec_transfer_params: "x" } }, 500, 503],
  ["so does an empty one", { vllm_xargs: { kv_transfer_params: "" } }, 500, 503],
  ["an object is not let through", { vllm_xargs: { kv_transfer_params: {} } }, 400, 200],
  [
    "parameters beside it go before it",
    { vllm_xargs: { kv_transfer_params: "x" }, kv_transfer_params: { do_remote_decode: true } },
    200,
    200,
  ],
])("Unchecked, of parameters in vllm_xargs %s.", async (_, fields, status, health) => {
  const { url } = await start({ kvCheck: "none" });

  const answer = await post(`${url}/v1/completions`, { prompt: "x", ...fields });

  expect([answer.status, (await fetch(`${url}/health`)).status]).toEqual([status, health]);
});
