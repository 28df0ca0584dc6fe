import { expect, test } from "vitest";
import { expectedText, expectedTokens } from "../simulator/oracle.ts";
import { metric, post, scheduler, simulator } from "./testing/pd-processes.ts";

async function service() {
  const prefill = await simulator("prefill", []);
  const decode = await simulator("decode", []);
  return { prefill, decode, front: await scheduler([prefill], [decode]) };
}

const MESSAGE = {
  model: "sim",
  max_tokens: 5,
  tools: [{ name: "t", input_schema: {} }],
  tool_choice: { type: "any" },
  messages: [{ role: "user", content: "Hello there" }],
};

test("A message, plain and streamed, is decoded from the KV cache that prefill has computed.", async () => {
  const { prefill, decode, front } = await service();
  const url = `${front.url}/v1/messages`;

  const plain = await (await post(url, JSON.stringify(MESSAGE))).text();
  const stream = await (await post(url, JSON.stringify({ ...MESSAGE, stream: true }))).text();

  const body = JSON.stringify(MESSAGE);
  expect(JSON.parse(plain).content).toEqual([{ type: "text", text: expectedText(body, 5) }]);
  const texts = [...stream.matchAll(/"text_delta","text":(".*?")\}/g)].map(([, text = ""]) =>
    JSON.parse(text),
  );
  expect(texts).toEqual(expectedTokens(body, 5));
  expect(stream).toMatch(/\n\nevent: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
  expect(await metric(decode, "simulator:recomputed_total")).toBe(0);
  expect(await metric(prefill, "simulator:kv_blocks_leased")).toBe(0);
});

test("What one instance answers alone comes through the scheduler.", async () => {
  const { front } = await service();
  const said = async (path: string, body: object) =>
    JSON.parse(await (await post(`${front.url}${path}`, JSON.stringify(body))).text());
  const { max_tokens, ...counted } = MESSAGE;

  const { tokens, count } = await said("/tokenize", { model: "sim", prompt: "Hello there" });
  const back = await said("/detokenize", { tokens });
  const messages = await said("/v1/messages/count_tokens", counted);
  const card = JSON.parse(await (await fetch(`${front.url}/v1/models/sim`)).text());
  const version = JSON.parse(await (await fetch(`${front.url}/version`)).text());

  expect([count, back.prompt, messages.input_tokens, card.id]).toEqual([2, "Hello there", 7, "sim"]);
  expect(version.version).toContain("simulated");
});
