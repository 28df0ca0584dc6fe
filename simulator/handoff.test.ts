import fc from "fast-check";
import { expect, test } from "vitest";
import { members } from "./json.ts";
import { expectedText } from "./oracle.ts";
import { parseRequest } from "./request.ts";
import { completionText, post, quick, sseData, start, type TestSimulator, until } from "./testing/client.ts";

const prompt = `"prompt":"Hello there","seed":9007199254740993`;

/** The prefill leg; gives `kv_transfer_params` as the bytes that came. */
async function prefill({ url }: TestSimulator, fields = prompt): Promise<string> {
  const body = `{${fields},"max_tokens":1,"kv_transfer_params":{"do_remote_decode":true,"do_remote_prefill":false}}`;
  const answer = await post(`${url}/v1/completions`, body);
  return members(await answer.text()).get("kv_transfer_params") ?? "";
}

function decode(
  { url }: TestSimulator,
  params: string,
  fields = prompt,
  init?: RequestInit,
): Promise<Response> {
  return post(`${url}/v1/completions`, `{${fields},"max_tokens":8,"kv_transfer_params":${params}}`, init);
}

const foreign = (reason: string) => ({
  error: {
    message: expect.stringMatching(`\`kv_transfer_params\` are not what prefill handed out.*${reason}`),
    type: "BadRequestError",
    param: "kv_transfer_params",
    code: 400,
  },
});

const internalError = {
  error: { message: "Internal server error", type: "InternalServerError", param: null, code: 500 },
};

test("Prefill keeps the KV blocks and says where, decode pulls them and answers what the oracle says.", async () => {
  const [p, d] = [await start(), await start({ role: "decode" })];

  const params = await prefill(p);
  const heldBefore = p.engine.gauges.kvBlocksLeased;
  const answer = await decode(d, params);

  expect(JSON.parse(params)).toMatchObject({
    do_remote_prefill: true,
    do_remote_decode: false,
    remote_block_ids: [0],
    remote_engine_id: p.engine.engineId,
    remote_request_id: expect.stringMatching(/^cmpl-.*-0-[0-9a-f]{8}$/),
    remote_host: "127.0.0.1",
    remote_port: p.port,
    tp_size: 2,
    remote_num_tokens: 2,
  });
  expect(heldBefore).toBe(1);
  expect(await completionText(answer)).toBe(expectedText(`{${prompt}}`, 8));
  expect(p.engine.gauges.kvBlocksUsed).toBe(0);
  expect(d.engine.counters).toMatchObject({ pulled: { ok: 1, failed: 0 }, recomputed: { no_params: 0 } });
});

test("Parameters that a router parsed and serialised again are refused, and the KV cache stays for the right ones.", async () => {
  const [p, d] = [await start(), await start({ role: "decode" })];
  const params = await prefill(p);

  const answer = await decode(d, JSON.stringify(JSON.parse(params)));

  expect([answer.status, await answer.json()]).toMatchObject([400, foreign("transfer_id was")]);
  expect(d.logged.join()).toMatch(/loading the KV cache failed: .*transfer_id was/);
  expect(p.engine.gauges.kvBlocksLeased).toBe(1);
  expect((await decode(d, params)).status).toBe(200);
});

test.each([
  ["another prompt", `"prompt":"Hello where","seed":9007199254740993`],
  ["a field that prefill did not have", `${prompt},"top_p":1.0`],
])("%s on the decode leg is refused.", async (_, fields) => {
  const [p, d] = [await start(), await start({ role: "decode" })];

  const answer = await decode(d, await prefill(p), fields);

  expect([answer.status, await answer.json()]).toMatchObject([400, foreign("has another prompt")]);
});

test.each([
  ["another seed", `"prompt":"Hello there","seed":9007199254740994`],
  ["a choice of tool", `${prompt},"tool_choice":"none"`],
])("%s on the decode leg goes with the same KV cache, and has its own answer.", async (_, fields) => {
  const [p, d] = [await start(), await start({ role: "decode" })];

  const answer = await decode(d, await prefill(p), fields);

  const text = await completionText(answer);
  expect(text).toBe(expectedText(`{${fields}}`, 8));
  expect(text).not.toBe(expectedText(`{${prompt}}`, 8));
});

test("Instances with different weights do not work together.", async () => {
  const [p, d] = [await start({ seed: 1 }), await start({ role: "decode", seed: 2 })];

  expect((await decode(d, await prefill(p))).status).toBe(400);
});

test("A KV cache can be pulled once.", async () => {
  const [p, d] = [await start(), await start({ role: "decode" })];
  const params = await prefill(p);

  const statuses = [(await decode(d, params)).status, (await decode(d, params)).status];

  expect(statuses).toEqual([200, 500]);
});

test("In a stream, whose head is out already, a failed load is an error event.", async () => {
  const [p, d] = [await start(), await start({ role: "decode" })];
  const params = await prefill(p);
  await p.close(0);

  const answer = await decode(d, params, `${prompt},"stream":true`);

  expect(answer.status).toBe(200);
  expect(sseData(await answer.text())).toEqual([JSON.stringify(internalError), "[DONE]"]);
});

test("A prefill that is gone is a failed load.", async () => {
  const [p, d] = [await start(), await start({ role: "decode" })];
  const params = await prefill(p);
  await p.close(0);

  expect((await decode(d, params)).status).toBe(500);
});

test("Blocks that no decode pulls are free again when the lease ends, and a late pull fails.", async () => {
  const [p, d] = [await start({ kvLeaseSeconds: 0.05 }), await start({ role: "decode" })];
  const params = await prefill(p);

  await until(() => p.engine.counters.kvExpired === 1);

  expect(p.engine.gauges.kvBlocksUsed).toBe(0);
  expect((await decode(d, params)).status).toBe(500);
});

test("With the policy recompute, decode computes what it cannot load, and counts it.", async () => {
  const d = await start({ role: "decode", kvLoadFailurePolicy: "recompute" });
  const gone = await start();
  const params = await prefill(gone);
  await gone.close(0);

  const answer = await decode(d, params);

  expect(await completionText(answer)).toBe(expectedText(`{${prompt}}`, 8));
  expect(d.engine.counters).toMatchObject({ pulled: { failed: 1 }, recomputed: { load_failure: 1 } });
});

test.each([
  ["no_params", "null"],
  ["incomplete_params", `{"do_remote_prefill":true,"remote_engine_id":"e","remote_host":null}`],
] as const)("Decode recomputes when it does not hear where the KV cache is (%s).", async (reason, params) => {
  const d = await start({ role: "decode" });

  const answer = await decode(d, params);

  expect(await completionText(answer)).toBe(expectedText(`{${prompt}}`, 8));
  expect(d.engine.counters.recomputed[reason]).toBe(1);
  expect(d.logged.join()).toContain(reason);
});

test("Prefill answers no kv_transfer_params and holds nothing unless a remote decode is asked for.", async () => {
  const p = await start();

  const answer = await post(`${p.url}/v1/completions`, `{${prompt},"max_tokens":1}`);

  expect(await answer.json()).toMatchObject({ kv_transfer_params: null });
  expect(p.engine.gauges.kvBlocksUsed).toBe(0);
});

test("A client that leaves while decode has it queued frees prefill's blocks too.", async () => {
  const [p, d] = [await start(), await start({ role: "decode", maxNumSeqs: 1, interTokenMs: 3_600_000 })];
  const running = decode(d, await prefill(p)).catch(() => "cut when the test ends");
  await until(() => d.engine.gauges.running === 1 && p.engine.gauges.kvBlocksLeased === 0);
  const leaving = new AbortController();
  const queued = decode(d, await prefill(p), prompt, { signal: leaving.signal }).catch(() => "left");
  await until(() => d.engine.gauges.waiting === 1);

  leaving.abort();
  await until(() => p.engine.gauges.kvBlocksUsed === 0);

  expect(await queued).toBe("left");
  expect(d.engine.gauges.waiting).toBe(0);
  void running;
});

test("A request that waits for prefill's blocks runs as soon as decode has pulled them.", async () => {
  const [p, d] = [await start({ kvBlocks: 1 }), await start({ role: "decode" })];
  const params = await prefill(p);
  const waiting = prefill(p);
  await until(() => p.engine.gauges.waiting === 1);

  await decode(d, params);

  expect(await waiting).toContain("transfer_id");
});

test("A client that leaves with the last token gets no lease.", async () => {
  const { engine } = await start();
  const text = `{${prompt},"max_tokens":1,"kv_transfer_params":{"do_remote_decode":true}}`;
  const request = parseRequest("completions", { text, fields: JSON.parse(text) }, quick);
  const leaving = new AbortController();

  const answer = engine.generate(
    request,
    () => "cmpl-1",
    leaving.signal,
    () => leaving.abort(),
  );

  await expect(answer).rejects.toThrow("aborted");
  expect(engine.gauges).toMatchObject({ running: 0, kvBlocksUsed: 0 });
});

test("Whatever is asked, aborted, lost or pulled twice, in the end no instance holds anything.", async () => {
  const [p, d] = [
    await start({ kvBlocks: 300, maxNumSeqs: 3, kvLeaseSeconds: 0.2 }),
    await start({ role: "decode", kvBlocks: 256, maxNumSeqs: 2, interTokenMs: 1 }),
  ];
  const journey = fc.record({
    abortPrefillAfter: fc.option(fc.nat(5)),
    abortDecodeAfter: fc.option(fc.nat(15)),
    pulls: fc.nat(2),
    stream: fc.boolean(),
  });
  const abortAfter = (milliseconds: number | null): RequestInit =>
    milliseconds === null ? {} : { signal: AbortSignal.timeout(milliseconds) };

  await fc.assert(
    fc.asyncProperty(fc.array(journey, { maxLength: 12 }), async (journeys) => {
      await Promise.all(
        journeys
          .map(async ({ abortPrefillAfter, abortDecodeAfter, pulls, stream }) => {
            const leg = `{${prompt},"max_tokens":1,"kv_transfer_params":{"do_remote_decode":true}}`;
            const first = await post(`${p.url}/v1/completions`, leg, abortAfter(abortPrefillAfter));
            const params = members(await first.text()).get("kv_transfer_params") ?? "null";
            for (let pull = 0; pull < pulls; pull += 1) {
              const fields = `${prompt},"stream":${stream}`;
              await (await decode(d, params, fields, abortAfter(abortDecodeAfter))).text();
            }
          })
          .map((journey) => journey.catch(() => "aborted")),
      );
      await until(() => [p, d].every(({ engine }) => engine.gauges.kvBlocksUsed === 0));
      for (const { engine } of [p, d]) expect(engine.gauges).toMatchObject({ running: 0, waiting: 0 });
    }),
    { numRuns: 20 },
  );
});
