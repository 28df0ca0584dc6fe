import { expect, test } from "vitest";
import { expectedText, expectedTokens } from "../simulator/oracle.ts";
import { metric, type Program, post, scheduler, simulator, until } from "./testing/pd-processes.ts";

const ASKED = { model: "sim", max_output_tokens: 5, input: "Hello there" };

async function service(args: readonly string[] = []) {
  const prefill = await simulator("prefill", args);
  const decode = await Promise.all([0, 1, 2].map(() => simulator("decode", args)));
  return { prefill, decode, front: await scheduler([prefill], decode, { args: ["--workers=2"] }) };
}

const responses = ({ url }: Program, path = "") => `${url}/v1/responses${path}`;
const ask = async (front: Program, fields: object, path = "") =>
  JSON.parse(await (await post(responses(front, path), JSON.stringify(fields))).text());
const sum = async (programs: readonly Program[], name: string) =>
  (await Promise.all(programs.map((program) => metric(program, name)))).reduce((all, one) => all + one, 0);

test.for([{ connector: "NixlConnector" }, { connector: "MooncakeConnectorV1" }])(
  "With $connector a response, plain and streamed, is decoded from the KV cache that prefill has computed.",
  async ({ connector }) => {
    const prefill = await simulator("prefill", [`--kv-connector=${connector}`]);
    const decode = await simulator("decode", [`--kv-connector=${connector}`]);
    const front = await scheduler([prefill], [decode], { args: [`--kv-connector=${connector}`] });
    const tools = [{ type: "function", name: "f", parameters: {} }];
    const asked = { ...ASKED, tools, tool_choice: "required", stop_token_ids: [7] };

    const plain = await ask(front, asked);
    const answer = await post(responses(front), JSON.stringify({ ...asked, stream: true }));
    const stream = await answer.text();

    const body = JSON.stringify(asked);
    expect(plain.output[0].content[0].text).toBe(expectedText(body, 5));
    const deltas = Array.from(stream.matchAll(/"delta":(".*?"),"item_id"/g), ([, text = ""]) =>
      JSON.parse(text),
    );
    expect(deltas).toEqual(expectedTokens(body, 5));
    expect(await metric(decode, "simulator:recomputed_total")).toBe(0);
    expect(await metric(prefill, "simulator:kv_blocks_leased")).toBe(0);
  },
);

test("What is stored is found, gone on from and cancelled through another scheduler, in whatever instance it is.", async () => {
  const { prefill, decode, front } = await service(["--inter-token-ms=5"]);
  const first = await Promise.all(Array.from({ length: 6 }, () => ask(front, ASKED)));
  await front.stop();
  const other = await scheduler([prefill], decode);

  const found = await Promise.all(
    first.map(async ({ id }) => JSON.parse(await (await fetch(responses(other, `/${id}`))).text())),
  );
  const next = await Promise.all(
    first.map(({ id }) => ask(other, { ...ASKED, input: "And?", previous_response_id: id })),
  );
  const long = await ask(other, { ...ASKED, background: true, max_output_tokens: 2000 });
  const cancelled = await ask(other, {}, `/${long.id}/cancel`);

  expect(found).toEqual(first.map((one) => expect.objectContaining({ id: one.id, output: one.output })));
  expect(next.map(({ status }) => status)).toEqual(next.map(() => "incomplete"));
  expect(cancelled.status).toBe("cancelled");
  await until(async () => (await sum(decode, "vllm:num_requests_running")) === 0);
  expect(await sum(decode, "simulator:recomputed_total")).toBe(next.length);
  await until(async () => (await metric(prefill, "simulator:kv_blocks_leased")) === 0);
});
