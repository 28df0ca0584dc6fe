import { expect, test } from "vitest";
import { members } from "./json.ts";
import { expectedText, expectedTokens } from "./oracle.ts";
import { post, start, until } from "./testing/client.ts";

const ASKED = { model: "sim", instructions: "Be brief.", input: "Hello", max_output_tokens: 3 };
const TEXT = expectedText(JSON.stringify(ASKED), 3);

const get = async (url: string) => {
  const answer = await fetch(url);
  return { status: answer.status, text: await answer.text() };
};

/** Each event's data, whose type is its name. */
function eventsOf(stream: string) {
  return stream
    .split("\n\n")
    .slice(0, -1)
    .map((event, at) => {
      const [, name, json = ""] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      const data = JSON.parse(json);
      expect([data.type, data.sequence_number]).toEqual([name, at]);
      return data;
    });
}

test("A response has the tokens of the oracle, in OpenAI's form, and is stored.", async () => {
  const { url } = await start();

  const answer = await (await post(`${url}/v1/responses`, ASKED)).text();

  const response = JSON.parse(answer);
  expect(response).toMatchObject({
    id: expect.stringMatching(/^resp_[0-9a-f]{32}$/),
    object: "response",
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: TEXT }] }],
    usage: { input_tokens: 10, output_tokens: 3, total_tokens: 13 },
    kv_transfer_params: null,
  });
  expect(await get(`${url}/v1/responses/${response.id}`)).toEqual({ status: 200, text: answer });
});

test("A stream of it has vLLM's events, each with its name and number, and no [DONE].", async () => {
  const { url } = await start();

  const answer = await post(`${url}/v1/responses`, { ...ASKED, stream: true });

  const events = eventsOf(await answer.text());
  expect(events.map(({ type }) => type)).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    ...Array(3).fill("response.output_text.delta"),
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  expect(events.flatMap(({ delta }) => delta ?? [])).toEqual(expectedTokens(JSON.stringify(ASKED), 3));
  expect(events.at(-1).response.output[0].content[0].text).toBe(TEXT);
});

test.for(["NixlConnector", "MooncakeConnectorV1"] as const)(
  "Its KV cache is handed over by %s, whatever differs between the legs.",
  async (kvConnector) => {
    const prefill = await start({ kvConnector });
    const decode = await start({ role: "decode", kvConnector });

    const first = await post(`${prefill.url}/v1/responses`, {
      ...ASKED,
      max_output_tokens: 1,
      store: false,
      ignore_eos: true,
      kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false },
    });
    const said = await first.text();
    const params = members(said).get("kv_transfer_params");
    const second = await post(
      `${decode.url}/v1/responses`,
      `{"kv_transfer_params":${params},"request_id":"resp_1",${JSON.stringify(ASKED).slice(1)}`,
    );

    expect(JSON.parse(await second.text())).toMatchObject({
      id: "resp_1",
      output: [{ content: [{ text: TEXT }] }],
    });
    expect(decode.engine.counters.pulled.ok).toBe(1);
    expect((await get(`${prefill.url}/v1/responses/${JSON.parse(said).id}`)).status).toBe(404);
  },
);

test("One that goes on from another has that before it.", async () => {
  const { url } = await start();
  const { id } = JSON.parse(await (await post(`${url}/v1/responses`, ASKED)).text());

  const answer = await post(`${url}/v1/responses`, { input: "And?", previous_response_id: id });

  const { usage } = JSON.parse(await answer.text());
  expect(usage.input_tokens).toBeGreaterThan(13);
});

test("In the background it is made without a client, and can be fetched, resumed and cancelled.", async () => {
  const { url, engine } = await start({ interTokenMs: 5 });
  const path = `${url}/v1/responses`;
  const begin = async (fields: object) =>
    (await post(path, { ...ASKED, background: true, ...fields })).text();

  const { id, status } = JSON.parse(await begin({}));
  await until(async () => JSON.parse((await get(`${path}/${id}`)).text).status === "incomplete");
  const stream = await begin({ stream: true });
  const [first] = eventsOf(stream);
  const resumed = await get(`${path}/${first.response.id}?stream=true&starting_after=3`);
  const long = JSON.parse(await begin({ max_output_tokens: 2000 }));
  const cancelled = await post(`${path}/${long.id}/cancel`, "");
  await until(() => engine.gauges.running === 0);

  expect(status).toBe("queued");
  expect(stream.endsWith(resumed.text)).toBe(true);
  expect(resumed.text.startsWith("event: response.output_text.delta\n")).toBe(true);
  expect(JSON.parse(await cancelled.text()).status).toBe("cancelled");
  expect((await post(`${path}/${id}/cancel`, "")).status).toBe(400);
});

test.for([
  ["no input", { ...ASKED, input: undefined }, 400],
  ["another model", { ...ASKED, model: "other" }, 404],
  ["nothing said", { model: "sim", input: [] }, 400],
  ["a background that is not stored", { ...ASKED, background: true, store: false }, 400],
  ["what goes on from nothing", { ...ASKED, previous_response_id: "resp_1" }, 404],
] as const)("With %s it is refused as vLLM does.", async ([, body, status]) => {
  const { url } = await start();

  const answer = await post(`${url}/v1/responses`, body);

  expect([answer.status, JSON.parse(await answer.text())]).toMatchObject([
    status,
    { error: { code: status } },
  ]);
});
