import { expect, test } from "vitest";
import { members } from "./json.ts";
import { expectedText, expectedTokens } from "./oracle.ts";
import { post, start } from "./testing/client.ts";

const ASKED = {
  model: "sim",
  system: "Be brief.",
  messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
  max_tokens: 3,
};
const USAGE = { input_tokens: 10, output_tokens: 3 };

test("A message has the tokens of the oracle, in Anthropic's form.", async () => {
  const { url } = await start();

  const answer = await post(`${url}/v1/messages`, ASKED);

  expect([answer.status, await answer.json()]).toEqual([
    200,
    {
      id: expect.stringMatching(/^chatcmpl-/),
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: expectedText(JSON.stringify(ASKED), 3) }],
      model: "sim",
      stop_reason: "max_tokens",
      usage: USAGE,
    },
  ]);
});

test("A stream of it has an event for each step, with its name, and no [DONE].", async () => {
  const { url } = await start();

  const answer = await post(`${url}/v1/messages`, { ...ASKED, stream: true });

  const events = (await answer.text()).split("\n\n").slice(0, -1);
  const data = events.map((event) => {
    const [, name, json = ""] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
    const parsed = JSON.parse(json);
    expect(parsed.type).toBe(name);
    return parsed;
  });
  expect(data.map(({ type }) => type)).toEqual([
    "message_start",
    "content_block_start",
    ...Array.from({ length: 3 }, () => "content_block_delta"),
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const texts = data.flatMap(({ delta }) => (delta?.type === "text_delta" ? [delta.text] : []));
  expect(texts).toEqual(expectedTokens(JSON.stringify(ASKED), 3));
  expect(data.at(-2)?.usage).toEqual(USAGE);
});

test("The KV cache of one is handed over by parameters in its answer.", async () => {
  const prefill = await start();
  const decode = await start({ role: "decode" });

  const first = await post(`${prefill.url}/v1/messages`, {
    ...ASKED,
    max_tokens: 1,
    kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false },
  });
  const params = members(await first.text()).get("kv_transfer_params");
  const second = await post(
    `${decode.url}/v1/messages`,
    `{"kv_transfer_params":${params},${JSON.stringify(ASKED).slice(1)}`,
  );

  expect(JSON.parse(await second.text()).content[0].text).toBe(expectedText(JSON.stringify(ASKED), 3));
  expect(decode.engine.counters.pulled.ok).toBe(1);
});

test("Its tokens are counted as they are used.", async () => {
  const { url } = await start();
  const { max_tokens, ...counted } = ASKED;

  const answer = await post(`${url}/v1/messages/count_tokens`, counted);

  expect(await answer.json()).toEqual({
    input_tokens: USAGE.input_tokens,
    context_management: { original_input_tokens: USAGE.input_tokens },
  });
});

test.each([
  ["a field that is missing", { ...ASKED, max_tokens: undefined }, 400, { error: { type: "Bad Request" } }],
  [
    "another model",
    { ...ASKED, model: "other" },
    404,
    { type: "error", error: { type: "NotFoundError", message: expect.stringContaining("other") } },
  ],
  [
    "no message",
    { ...ASKED, system: undefined, messages: [] },
    400,
    { type: "error", error: { type: "BadRequestError" } },
  ],
])("%s is refused as vLLM does.", async (_, body, status, expected) => {
  const { url } = await start();

  const answer = await post(`${url}/v1/messages`, body);

  expect([answer.status, await answer.json()]).toMatchObject([status, expected]);
});
