import { expect, test } from "vitest";
import { ask, post } from "../testing/client.ts";
import { answerEvents, answerJson, type EngineCall, goodDecode, goodPrefill } from "../testing/engine.ts";
import { type Overrides, startRig } from "../testing/rig.ts";

const bodyOf = (call: EngineCall | undefined) => JSON.parse(call?.body ?? "{}");

/** What the answer's limit is on decode's leg of `body`, and the status of the answer. */
async function limitsOf(path: string, body: string, overrides: Overrides = {}) {
  const one = await startRig({}, { maxAnswerTokens: 100, ...overrides });
  const { status, body: text } = await ask(one.port, post(body, path));
  const { max_tokens, max_completion_tokens, max_output_tokens } = bodyOf(one.decode[0]?.calls[0]);
  return {
    status,
    text,
    reached: one.prefill[0]?.calls.length,
    max_tokens,
    max_completion_tokens,
    max_output_tokens,
  };
}

const CHAT = "/v1/chat/completions";
const TEXT = "/v1/completions";

test.each([
  { path: TEXT, body: '{"prompt":"x","max_tokens":101}', max_tokens: 100 },
  { path: TEXT, body: '{"prompt":"x","max_tokens":1e999}', max_tokens: 100 },
  { path: TEXT, body: '{"prompt":"x","max_tokens":100}', max_tokens: 100 },
  { path: TEXT, body: '{"prompt":"x","max_tokens":7}', max_tokens: 7 },
  { path: TEXT, body: '{"prompt":"x"}', max_tokens: undefined },
  { path: TEXT, body: '{"prompt":"x","max_tokens":null}', max_tokens: 100 },
  { path: TEXT, body: '{"prompt":["x","y"],"max_tokens":200}', max_tokens: 100 },
  { path: TEXT, body: '{"prompt":"x","use_beam_search":true,"n":2,"max_tokens":200}', max_tokens: 100 },
  { path: CHAT, body: '{"messages":[]}', max_tokens: 100 },
  { path: CHAT, body: '{"messages":[],"max_completion_tokens":101}', max_completion_tokens: 100 },
  { path: CHAT, body: '{"messages":[],"max_completion_tokens":9}', max_completion_tokens: 9 },
  { path: CHAT, body: '{"messages":[],"max_completion_tokens":null,"max_tokens":101}', max_tokens: 100 },
  { path: CHAT, body: '{"messages":[],"m\\u0061x_tokens":101,"n":2}', max_tokens: 100 },
  { path: "/v1/messages", body: '{"messages":[],"max_tokens":4096}', max_tokens: 100 },
  { path: "/v1/responses", body: '{"input":"x"}', max_output_tokens: 100 },
  { path: "/v1/responses", body: '{"input":"x","max_output_tokens":5000}', max_output_tokens: 100 },
])(
  "With --max-answer-tokens 100 decode is asked for no more: $path $body",
  async ({ path, body, ...wanted }) => {
    const { max_completion_tokens, max_output_tokens, ...found } = await limitsOf(path, body);

    expect(found.status).toBe(200);
    if ("max_completion_tokens" in wanted) expect(max_completion_tokens).toBe(wanted.max_completion_tokens);
    else if ("max_output_tokens" in wanted) expect(max_output_tokens).toBe(wanted.max_output_tokens);
    else expect(found.max_tokens).toBe(wanted.max_tokens);
  },
);

test("A completion that says nothing gets the limit where that is less than vLLM's 16, and so does /generate.", async () => {
  expect(await limitsOf(TEXT, '{"prompt":"x"}', { maxAnswerTokens: 8 })).toMatchObject({ max_tokens: 8 });
  const vllm = { api: "vllm", handoff: "plain", kvRelease: "none", maxAnswerTokens: 8 } as const;
  expect(await limitsOf("/generate", '{"prompt":"x"}', vllm)).toMatchObject({ max_tokens: 8 });
});

test.each([
  ['{"prompt":"x","max_tokens":"101"}', "`max_tokens` must be a number"],
  ['{"prompt":"x","max_tokens":"1_000"}', "`max_tokens` must be a number"],
  ['{"prompt":"x","max_tokens":500,"min_tokens":101}', "`min_tokens` is over the 100 tokens"],
])("What cannot be held to the limit is a 400 that no engine hears of: %s", async (body, message) => {
  const { status, text, reached } = await limitsOf(TEXT, body);

  expect([status, reached]).toEqual([400, 0]);
  expect(text).toContain(message);
});

test("Without the flag nothing is changed.", async () => {
  const body = '{"messages":[],"max_tokens":"101"}';

  expect(await limitsOf(CHAT, body, { maxAnswerTokens: undefined })).toMatchObject({
    status: 200,
    max_tokens: "101",
  });
});

test("An answer that is given back goes on within the limit: what was made counts.", async () => {
  const choice = (text: string, ids: readonly number[], more: object = {}) =>
    `data: ${JSON.stringify({
      choices: [{ index: 0, text, finish_reason: null, prompt_token_ids: [1], token_ids: ids, ...more }],
    })}\n\n`;
  const back = choice("", [], { finish_reason: "stop", stop_reason: "recomputed" });
  const one = await startRig(
    {
      prefill: [goodPrefill],
      decode: [
        (call) =>
          call.path === "/detokenize"
            ? answerJson(call, '{"prompt":"a"}')
            : answerEvents(call, choice("a", [5]), choice("b", [6]), back),
      ],
    },
    { handoff: "MooncakeConnectorV1", maxAnswerTokens: 100 },
  );

  const asked = ask(one.port, post('{"prompt":"x","max_tokens":500,"stream":true}', TEXT));
  await one.decode[0]?.call(2);

  expect(one.decode[0]?.calls.slice(0, 2).map((call) => bodyOf(call).max_tokens)).toEqual([100, 98]);
  if (one.decode[0] !== undefined) one.decode[0].script = goodDecode;
  await asked.catch(() => {});
});
