import { expect, test } from "vitest";
import { expectedText } from "./oracle.ts";
import { post, sseData, start } from "./testing/client.ts";

const RECOMPUTE_IDS = "_vllm_ascend_recompute_token_ids";
const CHAT = "/v1/chat/completions";

interface Choice {
  readonly text?: string;
  readonly message?: { readonly content: string };
  readonly stop_reason: string | null;
  readonly finish_reason: string | null;
  readonly token_ids: readonly number[];
  readonly prompt_token_ids?: readonly number[];
}

interface Said {
  readonly choices: readonly [Choice];
  readonly usage: Readonly<Record<string, number>>;
  readonly prompt_token_ids?: readonly number[];
}

/** A decode instance that gives requests back after so many tokens. */
async function decode(preemptWithin = 3) {
  const { url } = await start({ role: "decode", preemptWithin });
  const ask = async (path: string, body: object) =>
    post(`${url}${path}`, { return_token_ids: true, ...body });
  return {
    url,
    ask,
    answer: async (path: string, body: object) => (await (await ask(path, body)).json()) as Said,
  };
}

test("A request that is given back ends as vllm-ascend ends it, with the tokens that it has.", async () => {
  const { answer } = await decode(1);

  const said = await answer("/v1/completions", { prompt: "hi", max_tokens: 5 });

  expect(said).toMatchObject({
    choices: [{ finish_reason: "stop", stop_reason: "recomputed", text: expectedText('{"prompt":"hi"}', 1) }],
    usage: { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 },
  });
  expect([said.choices[0].prompt_token_ids?.length, said.choices[0].token_ids.length]).toEqual([2, 1]);
});

test("A stream that is given back has an end without tokens, its usage and [DONE].", async () => {
  const { ask } = await decode(1);
  const stream = { stream: true, stream_options: { include_usage: true } };

  const data = sseData(
    await (await ask("/v1/completions", { prompt: "hi", max_tokens: 5, ...stream })).text(),
  );

  const [, end, usage] = data.slice(0, -1).map((text) => JSON.parse(text));
  expect(end.choices).toMatchObject([{ text: "", stop_reason: "recomputed", token_ids: [] }]);
  expect(usage.usage).toMatchObject({ completion_tokens: 1 });
  expect(data.at(-1)).toBe("[DONE]");
});

test.each(["hi there, 😀", [1, 2, 3]])(
  "The completion of %j goes on from its ids, token for token.",
  async (prompt) => {
    const { answer } = await decode();
    const asked = { prompt, max_tokens: 9, seed: 7 };
    let ids: readonly number[] = [];
    let made = 0;
    let text = "";

    for (let isBack = true; isBack; ) {
      const { choices } = await answer("/v1/completions", {
        ...asked,
        ...(ids.length > 0 && { prompt: ids }),
        max_tokens: 9 - made,
      });
      const [{ text: more = "", token_ids, prompt_token_ids = [], stop_reason }] = choices;
      text += more;
      made += token_ids.length;
      ids = [...prompt_token_ids, ...token_ids];
      isBack = stop_reason === "recomputed";
    }

    expect(text).toBe(expectedText(JSON.stringify(asked), 9));
  },
);

const messages = [{ role: "user", content: "hi" }];

test("A chat goes on from the ids in its parameters; without them it begins anew.", async () => {
  const { answer } = await decode(1);
  const first = await answer(CHAT, { messages, max_tokens: 5 });
  const ids = [...(first.prompt_token_ids ?? []), ...first.choices[0].token_ids];

  const next = await answer(CHAT, { messages, max_tokens: 4, kv_transfer_params: { [RECOMPUTE_IDS]: ids } });
  const anew = await answer(CHAT, { messages, max_tokens: 4 });

  const content = (said: Said) => said.choices[0].message?.content;
  expect(`${content(first)}${content(next)}`).toBe(expectedText(JSON.stringify({ messages }), 2));
  expect(next.prompt_token_ids).toEqual(ids);
  expect(content(anew)).toBe(content(first));
});

test("A history that is not exact is refused, with what is wrong.", async () => {
  const { ask, answer } = await decode(1);
  const { prompt_token_ids: prompt = [], choices } = await answer(CHAT, { messages, max_tokens: 5 });
  const [made = 0] = choices[0].token_ids;
  const refusal = async (ids: readonly number[]) => {
    // Where prefill's parameters say so, decode has them from there.
    const kv = { do_remote_prefill: true, [RECOMPUTE_IDS]: ids };
    const said = await ask(CHAT, { messages, max_tokens: 4, kv_transfer_params: kv });
    return [said.status, JSON.stringify(await said.json())];
  };

  const wrong = [
    [...prompt, made + 1],
    [...prompt.slice(1), made],
    [...prompt, made, 5],
  ];
  const refusals = await Promise.all(wrong.map(refusal));

  expect(refusals).toEqual([
    [400, expect.stringContaining("token 0 is not the one that was made")],
    [400, expect.stringContaining("its prompt is not that of the messages")],
    [400, expect.stringContaining("ids of a prompt stand behind tokens that were made")],
  ]);
});

test("Prefill that is asked for other tokens than decode hands over nothing.", async () => {
  const prefill = await start({ role: "prefill" });
  const { ask, answer } = await decode(1);
  const { prompt_token_ids: prompt = [], choices } = await answer(CHAT, { messages, max_tokens: 5 });
  const ids = [...prompt, ...choices[0].token_ids];
  const asked = { messages, max_tokens: 1, kv_transfer_params: { do_remote_decode: true } };
  const { kv_transfer_params } = (await (await post(`${prefill.url}${CHAT}`, asked)).json()) as Record<
    string,
    object
  >;

  const params = { ...kv_transfer_params, [RECOMPUTE_IDS]: ids };
  const said = await ask(CHAT, { messages, max_tokens: 4, kv_transfer_params: params });

  expect([said.status, await said.text()]).toEqual([400, expect.stringContaining("another prompt")]);
});
