import { expect, test } from "vitest";
import { post, start } from "./testing/client.ts";

const words = (word: string, count: number) => Array.from({ length: count }, () => word).join(" ");
const ask = async (url: string, prompt: string, fields: object = {}) => {
  const answer = await post(`${url}/v1/completions`, { prompt, max_tokens: 1, ...fields });
  await answer.text();
  return answer.status;
};

/** Prompt tokens that were looked up, and those that were there. */
async function counted(url: string): Promise<number[]> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return ["queries", "hits"].map((what) =>
    Number(new RegExp(`^vllm:prefix_cache_${what}_total\\{.*\\} (\\d+)$`, "m").exec(metrics)?.[1]),
  );
}

test("Full blocks are found again, and the last token of a prompt is computed all the same.", async () => {
  const { url } = await start();

  await ask(url, words("word", 40));
  const first = await counted(url);
  await ask(url, words("word", 40));
  const again = await counted(url);
  await ask(url, words("word", 32));

  expect([first, again, await counted(url)]).toEqual([
    [40, 0],
    [80, 32],
    [112, 48],
  ]);
});

test("A prompt with another salt, or another beginning, finds nothing.", async () => {
  const { url } = await start();

  await ask(url, words("word", 40));
  await ask(url, words("word", 40), { cache_salt: "mine" });
  await ask(url, `other ${words("word", 39)}`);

  expect(await counted(url)).toEqual([120, 0]);
});

test("What was not used for the longest time makes room.", async () => {
  const { url } = await start({ kvBlocks: 6, maxModelLen: 96 });

  for (const word of ["a", "b", "a", "c", "a", "b"]) await ask(url, words(word, 33));

  // Each needs three blocks, of which two are kept: the second and third "a" are found, the second "b" is not.
  expect(await counted(url)).toEqual([198, 64]);
});

test("Without prefix caching nothing is looked up.", async () => {
  const { url } = await start({ prefixCaching: false });

  await ask(url, words("word", 40));
  await ask(url, words("word", 40));

  expect(await counted(url)).toEqual([0, 0]);
});

test("Only what is not there takes its time: what is there overtakes what is not.", async () => {
  const { url, engine } = await start({ ttftMsPerToken: 5 });
  await ask(url, words("word", 200));
  const leaves = new AbortController();
  const body = { prompt: words("other", 4000), max_tokens: 1 };
  const left = post(`${url}/v1/completions`, body, { signal: leaves.signal }).catch(() => "left");
  while (engine.gauges.running === 0) await new Promise(setImmediate);

  await ask(url, `${words("word", 200)} and`, { max_tokens: 1 });

  expect(engine.gauges.running).toBe(1);
  expect(await counted(url)).toEqual([4401, 192]);
  leaves.abort();
  expect(await left).toBe("left");
});
