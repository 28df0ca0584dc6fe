import { expect, test } from "vitest";
import { expectedText, expectedTexts } from "../simulator/oracle.ts";
import { metric, type Program, post, scheduler, simulator } from "./testing/pd-processes.ts";

/** More than a block of 16 tokens, so that decode's prefix cache keeps it. */
const long = (word: string) => `${word} `.repeat(20);

/** A scheduler and a pair of instances that let KV cache go to the wrong sequence, as vLLM does. */
async function unchecked() {
  const prefill = await simulator("prefill", ["--kv-check=none"]);
  const decode = await simulator("decode", ["--kv-check=none"]);
  return { prefill, decode, front: await scheduler([prefill], [decode]) };
}

/** The texts of the answer's choices, plain or streamed, by index. */
async function texts({ url }: Program, body: string): Promise<string[]> {
  const answer = await (await post(`${url}/v1/completions`, body)).text();
  const parts = answer.startsWith("data: ")
    ? answer.split("\n\n").filter((event) => event.startsWith("data: {"))
    : [answer];
  const found: string[] = [];
  for (const { index, text } of parts.flatMap((part) => JSON.parse(part.replace("data: ", "")).choices)) {
    found[index] = (found[index] ?? "") + text;
  }
  return found;
}

test.for([
  { what: "several texts", prompt: [long("x"), long("y"), "z"] },
  { what: "several lists of token ids", prompt: [Array(20).fill(7), Array(40).fill(8)] },
])(
  "$what with several samples are exact, plain and streamed, and so is what comes after them.",
  async ({ prompt }) => {
    const { prefill, decode, front } = await unchecked();
    const asked = { model: "sim", n: 2, seed: 5, max_tokens: 6 };
    const body = (stream: boolean) => JSON.stringify({ ...asked, prompt, stream });

    const together = [await texts(front, body(false)), await texts(front, body(true))];
    const later = await Promise.all(
      prompt.map((one) => texts(front, JSON.stringify({ model: "sim", prompt: one, max_tokens: 6 }))),
    );

    expect(together).toEqual([expectedTexts(body(false), 6), expectedTexts(body(true), 6)]);
    expect(later).toEqual(prompt.map((one) => [expectedText(JSON.stringify({ prompt: one }), 6)]));
    expect(await metric(decode, "simulator:recomputed_total")).toBe(0);
    expect(await metric(prefill, "simulator:kv_blocks_leased")).toBe(0);
  },
);

test.for([
  `"vllm_xargs":{"kv_transfer_params":"x"}`,
  String.raw`"vllm_xargs":{"\u0065c_transfer_params":"x"}`,
])("A client cannot end an engine by %s.", async (field) => {
  const { prefill, decode, front } = await unchecked();

  const refused = await post(`${front.url}/v1/completions`, `{"model":"sim","prompt":"x",${field}}`);
  const after = await Promise.all([prefill, decode].map(({ url }) => fetch(`${url}/health`)));

  expect([refused.status, ...after.map(({ status }) => status)]).toEqual([400, 200, 200]);
});
