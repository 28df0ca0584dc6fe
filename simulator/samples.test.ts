import { expect, test } from "vitest";
import { expectedText, expectedTexts } from "./oracle.ts";
import { post, sseData, start, until } from "./testing/client.ts";

const chat = (fields: object) => ({ messages: [{ role: "user", content: "Hi" }], ...fields });

/** The texts of a stream's choices, by index. */
function textsOf(chunks: readonly { choices: { index: number; text: string }[] }[]): string[] {
  const texts: string[] = [];
  for (const { index, text } of chunks.flatMap(({ choices }) => choices)) {
    texts[index] = (texts[index] ?? "") + text;
  }
  return texts;
}

test.each<[string, unknown, unknown[]]>([
  ["texts", ["a", "b c"], ["a", "b c"]],
  ["lists of token ids", [[1, 2], [3]], [[1, 2], [3]]],
  ["one text", ["a"], ["a"]],
  ["one list of token ids", [[1, 2]], [[1, 2]]],
  ["token ids", [1, 2], [[1, 2]]],
])("A batch of %s is answered as each of its prompts alone.", async (_, prompt, alone) => {
  const { url } = await start();

  const answer = await post(`${url}/v1/completions`, { prompt, max_tokens: 4 });

  const texts = alone.map((one) => expectedText(JSON.stringify({ prompt: one }), 4));
  const choices = texts.map((text, index) => ({ index, text, finish_reason: "length" }));
  expect(await answer.json()).toMatchObject({ choices });
  expect(expectedTexts(JSON.stringify({ prompt }), 4)).toEqual(texts);
});

test("n samples of each prompt are choices in order, and usage counts each prompt once.", async () => {
  const { url } = await start();
  const body = { prompt: ["one two", "three"], n: 3, seed: 1, max_tokens: 5 };

  const answer = await (await post(`${url}/v1/completions`, body)).json();

  expect(answer).toMatchObject({
    choices: expectedTexts(JSON.stringify(body), 5).map((text, index) => ({ index, text })),
    usage: { prompt_tokens: 3, completion_tokens: 30, total_tokens: 33 },
  });
  expect(new Set(expectedTexts(JSON.stringify(body), 5)).size).toBe(6);
});

test("Sample i of a seed is what the seed + i gives, also beyond the integers of a double.", () => {
  const asked = (fields: string) => `{"prompt":"x","best_of":9,${fields}}`;

  const texts = expectedTexts(asked(`"n":3,"seed":9007199254740992`), 8);

  expect(texts).toEqual(
    ["9007199254740992", "9007199254740993", "9007199254740994"].map((seed) =>
      expectedText(asked(`"seed":${seed}`), 8),
    ),
  );
});

test.each([
  ["the greatest seed of 64 bits comes the least one", "9223372036854775807", "-9223372036854775808"],
  ["no seed comes none: samples are alike", "null", "null"],
  ["a seed with a point comes the next", "7.0", "8"],
])("After %s.", (_, seed, next) => {
  const [, second] = expectedTexts(`{"prompt":"x","n":2,"seed":${seed}}`, 8);

  expect(second).toBe(expectedText(`{"prompt":"x","seed":${next}}`, 8));
});

test("n and best_of do not change the first sample.", () => {
  const [first] = expectedTexts(`{"prompt":"x","seed":1,"n":4,"best_of":4}`, 8);

  expect(first).toBe(expectedText(`{"prompt":"x","seed":1}`, 8));
});

test("A chat with n has a message for each sample.", async () => {
  const { url } = await start();
  const body = chat({ n: 2, seed: 7, max_tokens: 3 });

  const answer = await post(`${url}/v1/chat/completions`, body);

  const choices = [7, 8].map((seed, index) => {
    const content = expectedText(JSON.stringify(chat({ seed })), 3);
    return { index, message: { role: "assistant", content }, finish_reason: "length" };
  });
  const usage = { prompt_tokens: 6, completion_tokens: 6, total_tokens: 12 };
  expect(await answer.json()).toMatchObject({ choices, usage });
});

test("A stream mixes the tokens of all choices, ends each, then has one usage and one [DONE].", async () => {
  const { url } = await start();
  const body = {
    prompt: ["a", "b"],
    n: 2,
    seed: 1,
    max_tokens: 3,
    stream: true,
    stream_options: { include_usage: true },
  };

  const data = sseData(await (await post(`${url}/v1/completions`, body)).text());

  expect(data.pop()).toBe("[DONE]");
  const usage = JSON.parse(data.pop() ?? "");
  const chunks = data.map((text) => JSON.parse(text));
  expect(usage).toMatchObject({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 12 } });
  expect(textsOf(chunks)).toEqual(expectedTexts(JSON.stringify(body), 3));
  const ended = chunks.filter(({ choices }) => choices[0].finish_reason === "length");
  expect(ended.map(({ choices }) => choices[0].index).toSorted()).toEqual([0, 1, 2, 3]);
  const firstOfLast = chunks.findIndex(({ choices }) => choices[0].index === 3);
  expect(firstOfLast).toBeLessThan(chunks.indexOf(ended[0]));
});

test("A streamed chat names the role of every choice before the first token.", async () => {
  const { url } = await start();
  const body = chat({ n: 3, max_tokens: 2, stream: true });

  const data = sseData(await (await post(`${url}/v1/chat/completions`, body)).text());

  const choices = data.slice(0, -1).map((text) => JSON.parse(text).choices[0]);
  expect(choices.slice(0, 3).map(({ index, delta }) => [index, delta.role])).toEqual([
    [0, "assistant"],
    [1, "assistant"],
    [2, "assistant"],
  ]);
  expect(choices.slice(3).filter(({ delta }) => "role" in delta)).toEqual([]);
  expect(choices.length).toBe(3 + 3 * 2);
});

test("A stream of many choices that is read slowly waits for its reader, and warns of nothing.", async () => {
  const { url, engine } = await start();
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on("warning", warn);
  const body = { prompt: "x", n: 64, max_tokens: 1000, stream: true };

  const answer = await post(`${url}/v1/completions`, body);
  let before = -1;
  await until(async () => {
    const { generationTokens } = engine.counters;
    const stands = generationTokens > 0 && generationTokens === before;
    before = generationTokens;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return stands;
  });
  const data = sseData(await answer.text());
  process.off("warning", warn);

  expect(before).toBeLessThan(64_000);
  expect(data.length).toBe(64_001);
  expect(warnings).toEqual([]);
});

test("Every sample takes a place in the batch and KV blocks, and all are free when the client leaves.", async () => {
  const { url, engine } = await start({ interTokenMs: 3_600_000, maxNumSeqs: 5 });
  const leaving = new AbortController();
  const body = { prompt: ["a", "b"], n: 4, max_tokens: 20 };
  const answer = post(`${url}/v1/completions`, body, { signal: leaving.signal }).catch(() => "left");
  await until(() => engine.gauges.waiting === 3 && engine.counters.generationTokens === 5);
  const { running, kvBlocksUsed } = engine.gauges;

  leaving.abort();
  await until(() => engine.gauges.running === 0);

  expect([running, kvBlocksUsed]).toEqual([5, 10]);
  expect(engine.gauges).toMatchObject({ waiting: 0, kvBlocksUsed: 0 });
  expect(engine.counters.finished).toEqual({ stop: 0, length: 0, abort: 8, error: 0 });
  expect(await answer).toBe("left");
});
