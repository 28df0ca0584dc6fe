import { expect, test } from "vitest";
import { ask, post } from "../testing/client.ts";
import { answerJson, goodDecode, KV_PARAMS, type Script } from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const CHAT = "/v1/chat/completions";
const BODY = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';

const prefillSays =
  (tokens: string): Script =>
  (call) =>
    answerJson(call, `{"id":"p"${tokens},"kv_transfer_params":${KV_PARAMS}}`);
const IDS = ',"prompt_token_ids":[1, 20,300]';

/** What each leg of `body` is asked when prefill says `tokens`. */
async function legs(body: string, tokens: string, path = CHAT, overrides = {}) {
  const { port, prefill, decode } = await startRig(
    { prefill: [prefillSays(tokens)], decode: [goodDecode] },
    { tokenise: "once", ...overrides },
  );
  const { status } = await ask(port, post(body, path));
  expect(status).toBe(200);
  return { prefill: prefill[0]?.calls[0]?.body ?? "", decode: decode[0]?.calls[0]?.body ?? "" };
}

test("With --tokenise=once decode gets prefill's token ids among the parameters, beside the messages.", async () => {
  const { prefill, decode } = await legs(BODY, IDS);

  expect(JSON.parse(prefill).return_token_ids).toBe(true);
  expect(decode).toBe(
    `{"kv_transfer_params":{"prompt_token_ids":[1, 20,300],${KV_PARAMS.slice(1)},${BODY.slice(1)}`,
  );
});

test.for(["", ',"prompt_token_ids":null', ',"prompt_token_ids":[1],"prompt_token_ids":[2]'])(
  "Where prefill tells no tokens (%s) decode makes them itself.",
  async (said) => {
    const { decode } = await legs(BODY, said);

    expect(decode).toBe(`{"kv_transfer_params":${KV_PARAMS},${BODY.slice(1)}`);
  },
);

test("What the client says about token ids stays for decode.", async () => {
  const { prefill, decode } = await legs(BODY.replace("{", '{"return_token_ids":false,'), IDS);

  expect(JSON.parse(prefill).return_token_ids).toBe(true);
  expect(decode).toContain('"return_token_ids":false,');
});

test.for([
  ["a completion", '{"model":"m","prompt":"hi"}', "/v1/completions", {}],
  ["a message", `{"max_tokens":3,${BODY.slice(1)}`, "/v1/messages", {}],
  ["a chat without it", BODY, CHAT, { tokenise: "twice" }],
] as const)("Of %s no tokens are asked for or handed on.", async ([, body, path, overrides]) => {
  const { prefill, decode } = await legs(body, IDS, path, overrides);

  expect(prefill).not.toContain("return_token_ids");
  expect(decode).not.toContain("prompt_token_ids");
});

test("KV cache that nobody fetches is released without the tokens.", async () => {
  const { port, decode } = await startRig(
    { prefill: [prefillSays(IDS)], decode: [(call) => answerJson(call, "{}", "400 Bad Request")] },
    { tokenise: "once" },
  );

  await ask(port, post(BODY, CHAT));

  expect((await decode[0]?.call(2))?.body).not.toContain("prompt_token_ids");
});
