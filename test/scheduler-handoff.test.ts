import { expect, test } from "vitest";
import { expectedText } from "../simulator/oracle.ts";
import { metric, type Program, post, scheduler, simulator, streamedText } from "./testing/pd-processes.ts";

const PREFILLS = 2;
const DECODES = 2;
const REQUESTS = 24;

const pairs = [
  { name: "kv-params", handoff: "kv-params", prefillFlags: [], decodeFlags: () => [] },
  {
    name: "plain",
    handoff: "plain",
    prefillFlags: ["--kv-lookup=prompt"],
    decodeFlags: (peers: readonly Program[]) => [
      "--kv-lookup=prompt",
      `--kv-peers=${peers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    ],
  },
  {
    name: "kv-params with vLLM 0.33",
    handoff: "kv-params",
    prefillFlags: ["--vllm-version=0.33"],
    decodeFlags: () => ["--vllm-version=0.33"],
  },
] as const;

/** Instances that find each other's KV cache in that way. */
async function instances({ prefillFlags, decodeFlags }: (typeof pairs)[number]) {
  const prefill = await Promise.all(
    Array.from({ length: PREFILLS }, () => simulator("prefill", prefillFlags)),
  );
  const decode = await Promise.all(
    Array.from({ length: DECODES }, () => simulator("decode", decodeFlags(prefill))),
  );
  return { prefill, decode };
}

/** That each request had its prompt computed once, on prefill, and its KV cache handed over, and none is left. */
async function expectHandedOver(prefill: readonly Program[], decode: readonly Program[]) {
  const sum = async (all: readonly Program[], name: string, labels?: string) =>
    (await Promise.all(all.map((one) => metric(one, name, labels)))).reduce((total, one) => total + one, 0);
  expect(await sum(decode, "simulator:kv_pulls_total", 'result="ok"')).toBe(REQUESTS);
  expect(await sum(decode, "simulator:kv_pulls_total", 'result="failed"')).toBe(0);
  expect(await sum(decode, "simulator:recomputed_total")).toBe(0);
  expect(await sum(prefill, "vllm:generation_tokens_total")).toBe(REQUESTS);
  expect(await sum(prefill, "simulator:kv_blocks_leased")).toBe(0);
}

test.for(pairs)(
  "$name: every answer of the OpenAI API is exact, and no prompt is computed twice.",
  async (pair) => {
    const { prefill, decode } = await instances(pair);
    const { url } = await scheduler(prefill, decode, { args: [`--handoff=${pair.handoff}`] });

    const answers = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        const stream = index % 2 === 0;
        const body = `{"model":"sim","prompt":"Question ${index}","max_tokens":${index + 1},"stream":${stream},"seed":9007199254740993}`;
        const answer = await post(`${url}/v1/completions`, body);
        const text = await answer.text();
        const got = stream ? streamedText(text) : JSON.parse(text).choices[0].text;
        return { got, expected: expectedText(body, index + 1) };
      }),
    );

    for (const { got, expected } of answers) expect(got).toBe(expected);
    await expectHandedOver(prefill, decode);
  },
);

test("USE_OPENAI=0: every answer of /generate is exact, and no prompt is computed twice.", async () => {
  const { prefill, decode } = await instances(pairs[1]);
  const { url } = await scheduler(prefill, decode, { env: { USE_OPENAI: "0" } });

  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, index) => {
      const stream = index % 2 === 0;
      const prompt = `Frage ${index}: groß?\n`;
      const body = JSON.stringify({ prompt, max_tokens: index + 1, stream, temperature: 0 });
      const answer = await post(`${url}/generate`, body);
      const records = (await answer.text()).split("\0");
      if (stream) expect([records.pop(), records.length]).toEqual(["", index + 1]);
      return {
        got: JSON.parse(records.at(-1) ?? ""),
        expected: { text: [prompt + expectedText(body, index + 1)] },
      };
    }),
  );

  for (const { got, expected } of answers) expect(got).toEqual(expected);
  await expectHandedOver(prefill, decode);
});

test("Plain handoff to instances that hand over by parameters is seen: decode computes every prompt itself.", async () => {
  const { prefill, decode } = await instances(pairs[0]);
  const { url } = await scheduler(prefill, decode, { args: ["--handoff=plain"] });
  const body = '{"model":"sim","prompt":"x","max_tokens":3}';

  const answer = await post(`${url}/v1/completions`, body);

  expect(JSON.parse(await answer.text()).choices[0].text).toBe(expectedText(body, 3));
  const counts = await Promise.all(decode.map((one) => metric(one, "simulator:recomputed_total")));
  expect(counts.toSorted()).toEqual([0, 1]);
});
