import { expect, test } from "vitest";
import { ask, client, get, post } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  type EngineCall,
  KV_PARAMS,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { type Rig, startRig } from "../testing/rig.ts";

const PATH = "/v1/messages";
const event = (type: string, rest = "") => `event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`;
const START = event("message_start", ',"message":{"id":"c","type":"message","content":[]}');
const DELTA = event(
  "content_block_delta",
  ',"index":0,"delta":{"type":"text_delta","text":"a message_stop"}',
);
const STOP = event("message_stop");
const ANSWER = '{"id":"c","type":"message","content":[{"type":"text","text":"ab"}]}';

const prefills: Script = (call) =>
  answerJson(call, `{"id":"p","type":"message","kv_transfer_params":${KV_PARAMS}}`);
const decodes: Script = (call) =>
  JSON.parse(call.body).stream === true
    ? answerEvents(call, START + DELTA, DELTA + STOP)
    : answerJson(call, ANSWER.replace("}]", `}],"kv_transfer_params":${KV_PARAMS}`));

const REST = '"messages":[{"role":"user","content":"hi"}],"model":"m"';
const plain = `{"max_tokens":9,${REST}}`;
const stream = `{"max_tokens":9,"stream":true,${REST}}`;
const messagesRig = (decode: Script = decodes): Promise<Rig> =>
  startRig({ prefill: [prefills], decode: [decode] });

test("A message has two legs: prefill for one token, decode with the client's bytes and prefill's parameters.", async () => {
  const { port, prefill, decode, logged } = await messagesRig();
  const body = `{"max_tokens":9, "top_k" : 9007199254740993,"n":3,${REST}}`;

  const answer = await ask(port, post(body, `${PATH}?beta=true`));

  expect([answer.status, answer.body]).toEqual([200, ANSWER]);
  const [first, second] = [prefill[0]?.calls, decode[0]?.calls];
  expect([first?.length, second?.length]).toEqual([1, 1]);
  expect([first?.[0]?.path, second?.[0]?.path]).toEqual([PATH, PATH]);
  expect(JSON.parse(first?.[0]?.body ?? "")).toMatchObject({
    max_tokens: 1,
    stream: false,
    kv_transfer_params: { do_remote_decode: true },
  });
  expect(second?.[0]?.body).toBe(`{"kv_transfer_params":${KV_PARAMS},${body.slice(1)}`);
  expect(await logged(1)).toMatchObject({ path: PATH, prefill: "prefill-0", decode: "decode-0" });
});

test("A stream is relayed byte for byte up to its message_stop, which text cannot pretend.", async () => {
  const behind: Script = (call) => answerEvents(call, START + DELTA, DELTA + STOP + DELTA);
  const { port, logged } = await messagesRig(behind);

  const answer = await ask(port, post(stream, PATH));

  expect([answer.status, answer.body, answer.whole]).toEqual([200, START + DELTA + DELTA + STOP, true]);
  expect(answer.header("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(JSON.parse((await logged(1)).text)).toMatchObject({ events: 3, outcome: "ok" });
});

test("An event is passed on at once.", async () => {
  let call: EngineCall | undefined;
  const { port, decode } = await messagesRig((one) => {
    call = one;
    one.socket.write(STREAM_HEAD + chunked(START));
  });
  const connection = await client(port);

  connection.send(post(stream, PATH));
  await decode[0]?.call(1);
  await connection.received((text) => text.includes(START));
  call?.socket.write(chunked(STOP));

  expect((await connection.answer()).body).toBe(START + STOP);
});

test.for([
  ["cut off", START + DELTA, "decode_failed"],
  ["ended in OpenAI's way", `${START}data: [DONE]\n\n`, "decode_failed"],
  [
    "ended by an error of the engine",
    `${START}event: error\ndata: {"type":"error","error":{"type":"internal_error","message":"No KV"}}\n\n${STOP}`,
    null,
  ],
] as const)("A stream that is %s ends with one error event in Anthropic's form.", async ([, text, code]) => {
  const { port, logged } = await messagesRig((call) => answerEvents(call, text));

  const answer = await ask(port, post(stream, PATH));

  const [, data = ""] = /\n\nevent: error\ndata: (.*)\n\n$/.exec(answer.body) ?? [];
  expect(answer.body.match(/event: error/g)).toHaveLength(1);
  expect(answer.body).not.toContain(STOP);
  expect(JSON.parse(data)).toMatchObject({ type: "error", error: { code } });
  expect(await logged(1)).toMatchObject({ outcome: "decode_failed" });
});

test("A stream that begins with an error is no stream, nor is one of message_stop alone.", async () => {
  const error = event("error", ',"error":{"type":"internal_error","message":"No KV"}');
  const one = await messagesRig((call) => answerEvents(call, error));
  const other = await messagesRig((call) => answerEvents(call, STOP));

  const answers = [await ask(one.port, post(stream, PATH)), await ask(other.port, post(stream, PATH))];

  expect(answers.map(({ status }) => status)).toEqual([502, 502]);
  expect(answers[0]?.json()).toMatchObject({
    type: "error",
    error: { type: "internal_error", message: "No KV" },
  });
});

test.for(['{"type":"any"}', '{ "type":"tool","name":"t"}', '{"type":"auto"}'])(
  "With the choice %s prefill is told to call no tool, in Anthropic's form.",
  async (choice) => {
    const { port, prefill, decode } = await messagesRig();

    await ask(port, post(`{"tool_choice":${choice},${plain.slice(1)}`, PATH));

    expect(JSON.parse(prefill[0]?.calls[0]?.body ?? "").tool_choice).toEqual({ type: "none" });
    expect(decode[0]?.calls[0]?.body).toContain(`"tool_choice":${choice},`);
  },
);

test.for([
  [plain.replace('"max_tokens":9,', ""), 400, "invalid_value"],
  [plain.replace("9", "null"), 400, "invalid_value"],
  [plain.replace('"m"', '"other"'), 404, "model_not_found"],
  [`{"ec_transfer_params":{},${plain.slice(1)}`, 400, "invalid_value"],
  [`{"vllm_xargs":{"kv_transfer_params":1},${plain.slice(1)}`, 400, "invalid_value"],
  [plain.slice(1), 400, "invalid_json"],
] as const)("%s is refused in Anthropic's form, and no engine hears of it.", async ([body, status, code]) => {
  const { port, prefill } = await startRig({ prefill: [prefills] }, { servedModels: ["m"] });

  const answer = await ask(port, post(body, PATH));

  expect([answer.status, answer.json()]).toMatchObject([status, { type: "error", error: { code } }]);
  expect(prefill[0]?.calls).toEqual([]);
});

test("What is wrong before the body is read is told in Anthropic's form too.", async () => {
  const { port } = await messagesRig();

  const answers = [
    await ask(port, get(PATH)),
    await ask(port, post(plain, PATH).replace("application/json", "text/plain")),
  ];

  expect(answers.map((answer) => [answer.status, answer.json().type])).toEqual([
    [405, "error"],
    [415, "error"],
  ]);
});

test("An engine's refusal keeps its status and words.", async () => {
  const words = '{"type":"error","error":{"type":"BadRequestError","message":"too long"}}';
  const { port } = await messagesRig((call) => answerJson(call, words, "400 Bad Request"));

  const answer = await ask(port, post(plain, PATH));

  expect([answer.status, answer.json()]).toMatchObject([400, JSON.parse(words)]);
});

test("A client's own kv_transfer_params reach no engine.", async () => {
  const { port, prefill, decode } = await messagesRig();

  await ask(port, post(`{"\\u006bv_transfer_params":{"mine":1},${plain.slice(1)}`, PATH));

  for (const call of [...(prefill[0]?.calls ?? []), ...(decode[0]?.calls ?? [])])
    expect(call.body).not.toContain("mine");
});

test("Tokens of a message are counted by one instance.", async () => {
  const { port, prefill, decode } = await startRig({
    prefill: [(call) => answerJson(call, '{"input_tokens":7}')],
  });

  const answer = await ask(port, post(`{${REST}}`, `${PATH}/count_tokens`));

  expect([answer.status, answer.body]).toEqual([200, '{"input_tokens":7}']);
  expect(prefill[0]?.calls).toMatchObject([{ path: `${PATH}/count_tokens`, body: `{${REST}}` }]);
  expect(decode[0]?.calls).toEqual([]);
});
