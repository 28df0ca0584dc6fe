import { expect, test } from "vitest";
import { ask, PLAIN, post } from "../testing/client.ts";
import { KV_PARAMS } from "../testing/engine.ts";
import { type Overrides, startRig } from "../testing/rig.ts";

const MOONCAKE: Overrides = { handoff: "MooncakeConnectorV1", kvRelease: "none" };
const SKELETON =
  '{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,' +
  '"remote_block_ids":null,"remote_host":null,"remote_port":null}';

test.for([
  { body: '{"prompt":"x"}', minimum: `"max_tokens":1,"stream":false,"min_tokens":1,"prompt":"x"}` },
  {
    body: '{"prompt":"x","min_tokens": 7}',
    minimum: `"max_tokens":1,"stream":false,"prompt":"x","min_tokens": 1}`,
  },
])(
  "Rule 34: with MooncakeConnectorV1 prefill makes no end of its one token ($body).",
  async ({ body, minimum }) => {
    const { port, prefill, decode } = await startRig({}, MOONCAKE);

    await ask(port, post(body));

    expect(prefill[0]?.calls[0]?.body).toBe(`{"kv_transfer_params":${SKELETON},${minimum}`);
    expect(decode[0]?.calls[0]?.body).toBe(
      body.replace("{", `{"kv_transfer_params":${KV_PARAMS},"return_token_ids":true,`),
    );
  },
);

test.for([
  { path: "/v1/completions", fields: '"prompt_logprobs":0', param: "prompt_logprobs" },
  { path: "/v1/completions", fields: String.raw`"prompt\u005flogprobs":1`, param: "prompt_logprobs" },
  { path: "/v1/chat/completions", fields: '"prompt_logprobs":5', param: "prompt_logprobs" },
  { path: "/v1/completions", fields: '"echo":true,"logprobs":0', param: "echo" },
  { path: "/v1/chat/completions", fields: '"echo":true', param: "echo" },
])(
  "Rule 35: what ends decode engines of MooncakeConnectorV1 ($path, $fields) is refused.",
  async ({ path, fields, param }) => {
    const { port, prefill } = await startRig({}, MOONCAKE);

    const answer = await ask(port, post(`{"prompt":"x",${fields}}`, path));

    expect([answer.status, answer.json().error]).toEqual([
      400,
      expect.objectContaining({ param, message: expect.stringContaining("it ends decode engines") }),
    ]);
    expect(prefill[0]?.calls).toEqual([]);
  },
);

test.for([
  { path: "/v1/completions", fields: '"echo":true,"logprobs":null' },
  { path: "/v1/completions", fields: '"echo":false,"logprobs":2,"prompt_logprobs":null' },
  { path: "/v1/chat/completions", fields: '"echo":false,"logprobs":true' },
])("Rule 35: what does not ($path, $fields) is not.", async ({ path, fields }) => {
  const { port } = await startRig({}, MOONCAKE);

  expect((await ask(port, post(`{"prompt":"x",${fields}}`, path))).status).toBe(200);
});

test("Rule 35: with NixlConnector they are the engine's to answer, twice the same key included.", async () => {
  const { port, decode } = await startRig();
  const body = '{"prompt":"x","prompt_logprobs":0,"echo":true,"logprobs":1,"logprobs":1}';

  expect((await ask(port, post(body))).status).toBe(200);
  expect(decode[0]?.calls[0]?.body).toContain(body.slice(1));
});

test.for<Overrides>([{}, MOONCAKE])(
  "Rule 36: with %o a client's own parameters reach no engine.",
  async (overrides) => {
    const { port, prefill, decode } = await startRig({}, overrides);
    const mine = String.raw`"kv_transfer\u005fparams":{"mine":1}`;

    await ask(port, post(PLAIN.replace("{", `{${mine},`)));

    const bodies = [...(prefill[0]?.calls ?? []), ...(decode[0]?.calls ?? [])].map(({ body }) => body);
    expect(bodies).toHaveLength(2);
    for (const body of bodies) expect(body).not.toContain("mine");
  },
);
