import { expect, test } from "vitest";
import { members } from "./json.ts";
import { post, start, type TestSimulator, until } from "./testing/client.ts";

/** A prefill and a decode instance. */
const pair = async (changes: Parameters<typeof start>[0] = {}) =>
  [await start(changes), await start({ role: "decode", ...changes })] as const;

/** The prefill leg; gives the `kv_transfer_params` as the bytes that came. */
async function prefill({ url }: TestSimulator, fields: object = {}): Promise<string> {
  const kv_transfer_params = { do_remote_decode: true, do_remote_prefill: false };
  const answer = await post(`${url}/v1/completions`, {
    prompt: "x",
    max_tokens: 1,
    kv_transfer_params,
    ...fields,
  });
  return members(await answer.text()).get("kv_transfer_params") ?? "";
}

/** What decode says to a request for that KV cache: `fields` are JSON text. */
function decode({ url }: TestSimulator, params: string, fields: string): Promise<Response> {
  return post(`${url}/v1/completions`, `{${fields},"kv_transfer_params":${params}}`);
}

test.for([
  `"prompt":[1],"max_tokens":-1`,
  `"prompt":[1],"n":0`,
  `"prompt":[1],"temperature":-1`,
  `"prompt":"x","min_tokens":9,"max_tokens":8`,
  `"prompt":"${"x ".repeat(5000)}"`,
])("A request that decode rejects when it knows its KV cache (%.40s) frees that at once.", async (fields) => {
  const [p, d] = await pair();
  const params = await prefill(p);

  const answer = await decode(d, params, fields);
  await until(() => p.engine.gauges.kvBlocksUsed === 0);

  expect(answer.status).toBe(400);
  expect(p.engine.counters).toMatchObject({ kvFreed: 1, kvExpired: 0 });
  expect(d.engine.counters.pulled).toEqual({ ok: 0, failed: 0 });
});

test.for([
  { fields: `"model":"other","prompt":[1],"max_tokens":-1`, status: 404 },
  { fields: `"prompt":[],"max_tokens":-1`, status: 400 },
  { fields: `"prompt":[1],"max_tokens":"-1"`, status: 400 },
  { fields: `"prompt":[1],"max_tokens":-1,"stream_options":{}`, status: 400 },
])("A request that is rejected earlier ($fields) frees nothing.", async ({ fields, status }) => {
  const [p, d] = await pair();
  const params = await prefill(p);

  const answer = await decode(d, params, fields);
  // A pull that goes the same way behind it has arrived: so would the other have.
  await decode(d, await prefill(p), `"prompt":"x"`);

  expect(answer.status).toBe(status);
  expect(p.engine.counters.kvFreed).toBe(0);
  expect(p.engine.gauges.kvBlocksLeased).toBeGreaterThan(0);
});

test("Parameters that were changed on the way free nothing.", async () => {
  const [p, d] = await pair();
  const params = (await prefill(p)).replace(/"transfer_id":\d+/, '"transfer_id":1');

  await decode(d, params, `"prompt":[1],"max_tokens":-1`);
  await until(() => d.logged.length > 0);

  expect(d.logged.join()).toContain("transfer_id was");
  expect(p.engine.counters.kvFreed).toBe(0);
});

test("Beyond --max-num-queued-reqs an instance says as vLLM does that another may be asked, and frees the KV cache.", async () => {
  const [p] = await pair();
  const d = await start({ role: "decode", maxNumQueuedReqs: 2 });
  const params = await prefill(p);

  const answer = await decode(d, params, `"prompt":"x","n":3`);
  await until(() => p.engine.counters.kvFreed === 1);

  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({
    error: {
      message:
        "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.",
      type: "Service Unavailable",
      param: null,
      code: 503,
    },
  });
  expect(d.engine.counters.admissionRejections).toBe(1);
});

const mooncake = { kvConnector: "MooncakeConnectorV1" } as const;

test("MooncakeConnectorV1 gives its own parameters, and decode finds the KV cache by them.", async () => {
  const [p, d] = await pair(mooncake);

  const params = await prefill(p, { min_tokens: 1 });
  const answer = await decode(d, params, `"prompt":"x","max_tokens":2`);

  expect(Object.keys(JSON.parse(params))).toEqual([
    "do_remote_prefill",
    "do_remote_decode",
    "remote_block_ids",
    "remote_engine_id",
    "remote_request_id",
    "remote_host",
    "remote_port",
    "remote_pcp_size",
    "remote_dcp_size",
    "remote_ptp_size",
    "last_token_id",
    "remote_multi_nodes_meta_mapping",
    "num_prompt_blocks",
    "remote_block_size",
    "transfer_id",
  ]);
  expect(answer.status).toBe(200);
  expect(d.engine.counters.pulled).toEqual({ ok: 1, failed: 0 });
});

test("MooncakeConnectorV1 gives no parameters where an end token might have ended the request, and keeps nothing.", async () => {
  const [p] = await pair(mooncake);

  expect(await prefill(p)).toBe("null");
  expect(p.engine.gauges.kvBlocksUsed).toBe(0);
});

test("With MooncakeConnectorV1 a rejected request frees nothing.", async () => {
  const [p, d] = await pair(mooncake);
  const params = await prefill(p, { min_tokens: 1 });

  await decode(d, params, `"prompt":[1],"max_tokens":-1`);
  await decode(d, await prefill(p, { min_tokens: 1 }), `"prompt":"x"`);

  expect(p.engine.counters.kvFreed).toBe(0);
  expect(p.engine.gauges.kvBlocksLeased).toBeGreaterThan(0);
});

test("With MooncakeConnectorV1 prompt_logprobs end a decode engine.", async () => {
  const [p, d] = await pair(mooncake);

  await decode(d, await prefill(p, { min_tokens: 1 }), `"prompt":"x","prompt_logprobs":0`);

  expect(d.engine.isDead).toBe(true);
});
