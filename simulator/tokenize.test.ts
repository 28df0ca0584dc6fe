import { expect, test } from "vitest";
import { post, start } from "./testing/client.ts";

async function said(url: string, body: object) {
  return JSON.parse(await (await post(url, body)).text());
}

test.for(["Hello there, brave world.", "tokenization of internationalisation, twice", "你好 world 😀 x", ""])(
  "%j is found again from the ids of its tokens, which every instance has.",
  async (prompt) => {
    const [one, other] = [await start(), await start({ seed: 7 })];

    const tokenized = await said(`${one.url}/tokenize`, { prompt });
    const back = await said(`${other.url}/detokenize`, { tokens: tokenized.tokens });

    expect(tokenized).toEqual({
      count: tokenized.tokens.length,
      max_model_len: 4096,
      tokens: tokenized.tokens,
      token_strs: null,
    });
    expect(tokenized.tokens.every(Number.isSafeInteger)).toBe(true);
    expect(back).toEqual({ prompt });
  },
);

test("The tokens of a prompt and of a chat are as many as a completion counts.", async () => {
  const { url } = await start();
  const prompt = "Größe und Grüße, 你好";
  const messages = [{ role: "user", content: "Hello there" }];

  const counts = await Promise.all(
    [{ prompt }, { messages }].map(async (body) => (await said(`${url}/tokenize`, body)).count),
  );
  const usages = [
    await said(`${url}/v1/completions`, { prompt, max_tokens: 1 }),
    await said(`${url}/v1/chat/completions`, { messages, max_tokens: 1 }),
  ];

  expect(counts).toEqual(usages.map(({ usage }) => usage.prompt_tokens));
});

test("Tokens are told as texts when asked for, words of other letters as unknown ones.", async () => {
  const { url } = await start();

  const answer = await said(`${url}/tokenize`, { prompt: "a Größe b", return_token_strs: true });

  expect(answer.token_strs).toEqual(["a", "Ġ<unk>", "Ġb"]);
});

test.for([
  ["/tokenize", {}, "body.prompt"],
  ["/tokenize", { prompt: 1 }, "body.prompt"],
  ["/detokenize", {}, "body.tokens"],
  ["/detokenize", { tokens: "x" }, "body.tokens"],
  ["/detokenize", { tokens: [1, -1] }, "body.tokens.1"],
  ["/detokenize", { tokens: ["x"] }, "body.tokens.0"],
] as const)("POST %s with %j is a 400 that names %s.", async ([path, body, param]) => {
  const { url } = await start();

  const answer = await post(`${url}${path}`, body);

  expect(answer.status).toBe(400);
  expect(JSON.parse(await answer.text()).error.param).toBe(param);
});

test("Another model has no tokens here.", async () => {
  const { url } = await start();

  expect((await post(`${url}/tokenize`, { model: "other", prompt: "x" })).status).toBe(404);
});
