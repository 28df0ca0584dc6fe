import { expect, test } from "vitest";
import { ask, client, get, post, until } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  type EngineCall,
  goodPrefill,
  KV_PARAMS,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { operator, type Rig, rigOf, startRig } from "../testing/rig.ts";

const PATH = "/v1/responses";
const event = (type: string, rest = "") => `event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`;
const CREATED = event("response.created", ',"response":{"status":"in_progress"},"sequence_number":0');
const BEGUN = event("response.in_progress", ',"response":{"status":"in_progress"},"sequence_number":1');
const DELTA = event("response.output_text.delta", ',"delta":"a response.completed","sequence_number":2');
const over = (params: string) =>
  event("response.completed", `,"response":{"status":"completed"${params}},"sequence_number":3`);
const OVER = over("");

/** Answers with the id that it was asked for. */
const decodes: Script = (call) => {
  if (call.method === "GET") return answerJson(call, '{"id":"r","status":"completed"}');
  const { stream, request_id, background } = JSON.parse(call.body || "{}");
  if (stream === true)
    return answerEvents(call, CREATED + BEGUN, DELTA, over(`,"kv_transfer_params":${KV_PARAMS}`));
  const status = background === true ? "queued" : "completed";
  answerJson(call, `{"id":"${request_id}","status":"${status}","kv_transfer_params":null}`);
};

const responsesRig = (decode: Script | Script[] = decodes, overrides = {}): Promise<Rig> =>
  startRig({ prefill: [goodPrefill], decode: [decode].flat() }, overrides);
const plain = '{"input":"hi","model":"m"}';
const withFields = (fields: string) => `{${fields},${plain.slice(1)}`;
const stream = withFields('"stream":true');
const idOf = (call: EngineCall | undefined): string => JSON.parse(call?.body ?? "{}").request_id;

test("A response has two legs: prefill for one token and stored nowhere, decode with the client's bytes, prefill's parameters and an id.", async () => {
  const { port, prefill, decode, logged } = await responsesRig();
  const fields =
    '"max_output_tokens":9, "top_k" : 9007199254740993,"store":true,"stop_token_ids":[5],"tool_choice":"required","tools":[{"type":"function","name":"f"}]';

  const answer = await ask(port, post(withFields(fields), PATH));

  const [first, second] = [prefill[0]?.calls[0], decode[0]?.calls[0]];
  const id = idOf(second);
  expect(id).toMatch(/^resp_[0-9a-f]{32}$/);
  expect([answer.status, answer.json()]).toEqual([200, { id, status: "completed" }]);
  expect(JSON.parse(first?.body ?? "")).toEqual({
    input: "hi",
    model: "m",
    max_output_tokens: 1,
    max_tokens: 1,
    top_k: 2 ** 53,
    store: false,
    stream: false,
    ignore_eos: true,
    tool_choice: "none",
    tools: [{ type: "function", name: "f" }],
    kv_transfer_params: expect.objectContaining({ do_remote_decode: true }),
  });
  expect(second?.body).toBe(
    `{"kv_transfer_params":${KV_PARAMS},"request_id":"${id}",${withFields(fields).slice(1)}`,
  );
  expect(await logged(1)).toMatchObject({ path: PATH, prefill: "prefill-0", decode: "decode-0" });
});

test("A stream is relayed byte for byte up to its response.completed, which text cannot pretend, without parameters.", async () => {
  const { port, logged } = await responsesRig();

  const answer = await ask(port, post(stream, PATH));

  expect([answer.status, answer.body]).toEqual([200, CREATED + BEGUN + DELTA + OVER]);
  expect(answer.header("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(JSON.parse((await logged(1)).text)).toMatchObject({ events: 3, outcome: "ok" });
});

test.for(["incomplete", "failed"])("A stream may end with response.%s.", async (end) => {
  const last = event(`response.${end}`);
  const { port } = await responsesRig((call) => answerEvents(call, CREATED + DELTA + last + DELTA));

  const answer = await ask(port, post(stream, PATH));

  expect([answer.body, answer.whole]).toEqual([CREATED + DELTA + last, true]);
});

test("What is said before the work begins waits for the first sign of it, so that a failure until then has a status.", async () => {
  let first: EngineCall | undefined;
  const { port, decode } = await responsesRig((call) => {
    first = call;
    call.socket.write(STREAM_HEAD + chunked(CREATED) + chunked(BEGUN));
  });
  const connection = await client(port);

  connection.send(post(stream, PATH));
  await decode[0]?.call(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  first?.socket.destroy();

  expect(await connection.answer()).toMatchObject({ status: 502 });
});

test("KV cache counts as fetched when decode has begun to generate, not when it says that it will.", async () => {
  let call: EngineCall | undefined;
  const rig = await responsesRig(
    (one) => {
      call = one;
      one.socket.write(STREAM_HEAD + chunked(CREATED + BEGUN));
    },
    { admin: [{ port: 0 }] },
  );
  const held = async () => (await operator(rig).stateOf("prefill-0"))?.kvHeld;
  const connection = await client(rig.port);
  connection.send(post(stream, PATH));
  await rig.decode[0]?.call(1);
  await new Promise((resolve) => setTimeout(resolve, 50));

  const before = await held();
  call?.socket.write(chunked(DELTA));
  await connection.received((text) => text.includes(DELTA));

  expect([before, await held()]).toEqual([1, 0]);
});

test.for([
  ["cut off", CREATED + BEGUN + DELTA, "decode_failed"],
  ["ended in the way of chats", `${CREATED}${BEGUN}${DELTA}data: [DONE]\n\n`, "decode_failed"],
  [
    "ended by an error",
    `${CREATED}${BEGUN}${DELTA}data: {"error":{"message":"No KV","code":500}}\n\n`,
    "500",
  ],
  [
    "ended by an event error",
    CREATED + BEGUN + DELTA + event("error", ',"message":"No KV","code":"500"'),
    "500",
  ],
] as const)("A stream that is %s ends with one event error as OpenAI has it.", async ([, text, code]) => {
  const { port, logged } = await responsesRig((call) => answerEvents(call, text));

  const answer = await ask(port, post(stream, PATH));

  const [, data = ""] = /\n\nevent: error\ndata: (.*)\n\n$/.exec(answer.body) ?? [];
  const told = JSON.parse(data);
  expect(answer.body.match(/event: error/g)).toHaveLength(1);
  expect(told).toMatchObject({ type: "error", code, param: null, message: expect.any(String) });
  expect(told.error).toMatchObject({ message: told.message, type: expect.any(String) });
  expect(told.sequence_number).toBe(answer.body.includes("[DONE]") ? 4 : 3);
  expect(await logged(1)).toMatchObject({ outcome: "decode_failed" });
});

test("A stream that fails before work has begun is answered with a status.", async () => {
  const { port } = await responsesRig((call) =>
    answerEvents(call, CREATED + event("error", ',"message":"No KV"')),
  );

  const answer = await ask(port, post(stream, PATH));

  expect([answer.status, answer.json().error.message]).toEqual([502, "No KV"]);
});

test("A client's own id and parameters reach no engine.", async () => {
  const { port, prefill, decode } = await responsesRig();

  await ask(port, post(withFields('"request_id":"resp_mine","\\u006bv_transfer_params":{"mine":1}'), PATH));

  for (const call of [...(prefill[0]?.calls ?? []), ...(decode[0]?.calls ?? [])])
    expect(call.body).not.toContain("mine");
});

test.for([
  ['"tools":[{"type":"function","name":"f"},{"type":"code_interpreter"}]'],
  ['"tools":[{"type":"mcp","server_label":"s"}]'],
  ['"tools":[{"type":"function","type":"code_interpreter"}]'],
  ['"tools":["function"]'],
  ['"truncation":"auto"'],
  ['"truncation":null'],
])("With %s decode computes the prompt itself.", async ([fields = ""]) => {
  const { port, prefill, decode, logged } = await responsesRig();

  const answer = await ask(port, post(withFields(fields), PATH));

  expect(answer.status).toBe(200);
  expect(prefill[0]?.calls).toEqual([]);
  expect(decode[0]?.calls[0]?.body).not.toContain("kv_transfer_params");
  expect(await logged(1)).toMatchObject({ recomputed: true });
});

test.for([
  '"tools":[]',
  '"tools":[{"type":"custom","name":"c"},{"type":"namespace"}]',
  '"truncation":"disabled"',
])("With %s it has two legs.", async (fields) => {
  const { port, prefill } = await responsesRig();

  await ask(port, post(withFields(fields), PATH));

  expect(prefill[0]?.calls).toHaveLength(1);
});

test("What goes on from a response is decoded where that is stored, by that instance alone.", async () => {
  const rig = await responsesRig([decodes, decodes, decodes]);
  const { port, prefill, decode } = rig;
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push((await ask(port, post(plain, PATH))).json().id as string);
  const holds = (id: string) => decode.findIndex(({ calls }) => calls.some((call) => idOf(call) === id));
  const owners = ids.map(holds);
  for (const engine of [...prefill, ...decode]) engine.calls.length = 0;

  for (const id of ids) await ask(port, post(withFields(`"previous_response_id":"${id}"`), PATH));

  const asked = ids.map((id) => decode.findIndex(({ calls }) => calls.some(({ body }) => body.includes(id))));
  expect(new Set(owners).size).toBe(3);
  expect(asked).toEqual(owners);
  expect(prefill[0]?.calls).toEqual([]);
});

test("A stored response is fetched, resumed and cancelled where it is, with what vLLM reads of the query.", async () => {
  const { port, decode } = await responsesRig([
    (call) => (call.path.includes("?") ? answerEvents(call, OVER) : decodes(call)),
    decodes,
  ]);
  const { id } = (await ask(port, post(plain, PATH))).json();
  const [owner] = decode.filter(({ calls }) => calls.length > 0);

  const answers = [
    await ask(port, get(`${PATH}/${id}?include[]=x`)),
    await ask(port, get(`${PATH}/${id}?stream=true&starting_after=2&x=%0d`)),
    await ask(port, post("", `${PATH}/${id}/cancel`)),
  ];

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(answers[1]?.body).toBe(OVER);
  expect(owner?.calls.slice(1).map(({ method, path, body }) => [method, path, body])).toEqual([
    ["GET", `${PATH}/${id}`, ""],
    ["GET", `${PATH}/${id}?stream=true&starting_after=2`, ""],
    ["POST", `${PATH}/${id}/cancel`, ""],
  ]);
});

test("Each of several schedulers, and of their threads, finds what any has had stored.", async () => {
  const one = await responsesRig([decodes, decodes]);
  const { id } = (await ask(one.port, post(plain, PATH))).json();
  const ids = Array(20).fill(id);
  const second = await rigOf(one.prefill, one.decode.toReversed(), { workers: 2 });

  const answers = await Promise.all(ids.map((id) => ask(second.port, get(`${PATH}/${id}`))));

  expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 200));
  expect(
    one.decode.map(({ calls }) => calls.filter(({ method }) => method === "GET").length > 0).sort(),
  ).toEqual([false, true]);
});

test.for(["resp_none", "resp_00000000000000000000000000000000", "..%2fmetrics", "x?stream=true"])(
  "For the id %s, which no instance has given, the answer is vLLM's 404, and no engine is asked.",
  async (id) => {
    const { port, prefill, decode } = await responsesRig();
    const [name = ""] = id.split("?");

    const answers = [
      await ask(port, get(`${PATH}/${id}`)),
      await ask(port, post("{}", `${PATH}/${name}/cancel`)),
      await ask(port, post(withFields(`"previous_response_id":"${name}"`), PATH)),
    ];

    expect(answers.map(({ status, json }) => [status, json().error])).toEqual(
      answers.map(() => [
        404,
        {
          message: `Response with id '${name}' not found.`,
          type: "invalid_request_error",
          param: "response_id",
          code: "response_not_found",
        },
      ]),
    );
    expect([prefill[0]?.calls, decode[0]?.calls]).toEqual([[], []]);
  },
);

test("What an instance that is down has stored is a 503, and asked of no other.", async () => {
  const rig = await responsesRig([decodes, decodes]);
  const { id } = (await ask(rig.port, post(plain, PATH))).json();
  const owner = rig.decode.find(({ calls }) => calls.length > 0);
  await owner?.close();
  await until(async () => (await ask(rig.port, get(`${PATH}/${id}`))).status === 503);

  const answer = await ask(rig.port, post(withFields(`"previous_response_id":"${id}"`), PATH));

  const other = rig.decode.find((engine) => engine !== owner);
  expect([answer.status, other?.calls]).toEqual([503, []]);
});

test("A response in the background is work of its instance, and its KV cache is kept, until it is over.", async () => {
  let status = "queued";
  const background: Script = (call) =>
    call.method === "GET" ? answerJson(call, `{"status":"${status}"}`) : decodes(call);
  const rig = await responsesRig(background, { admin: [{ port: 0 }] });
  const seen = async () => {
    const [prefill, decode] = await Promise.all(["prefill-0", "decode-0"].map(operator(rig).stateOf));
    return [prefill?.kvHeld, decode?.inFlight];
  };

  const answer = await ask(rig.port, post(withFields('"background":true'), PATH));
  await rig.decode[0]?.call(2);
  const before = await seen();
  status = "completed";

  expect(answer.json().status).toBe("queued");
  expect(JSON.parse(rig.prefill[0]?.calls[0]?.body ?? "")).not.toHaveProperty("background");
  expect(before).toEqual([1, 1]);
  await until(async () => (await seen()).every((count) => count === 0));
});

test("Nobody is told to free the KV cache of a response in the background, although its client has left.", async () => {
  let call: EngineCall | undefined;
  const rig = await responsesRig(
    (one) => {
      if (one.method === "GET") return answerJson(one, '{"status":"completed"}');
      call = one;
      one.socket.write(STREAM_HEAD + chunked(CREATED));
    },
    { admin: [{ port: 0 }] },
  );
  const connection = await client(rig.port);
  connection.send(post(withFields('"background":true,"stream":true'), PATH));
  await rig.decode[0]?.call(1);
  await new Promise((resolve) => setTimeout(resolve, 50));

  connection.socket.destroy();
  await call?.closed;

  await until(async () => (await operator(rig).stateOf("prefill-0"))?.kvHeld === 0);
  expect(rig.decode[0]?.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `POST ${PATH}`,
    `GET ${PATH}/${idOf(call)}`,
  ]);
  expect(rig.events.filter((entry) => "unreleased" in entry)).toEqual([]);
});

test.for([
  ['"background":1', "background"],
  ['"previous_response_id":5', "previous_response_id"],
  ['"ec_transfer_params":{}', "ec_transfer_params"],
  ['"vllm_xargs":{"kv_transfer_params":1}', "vllm_xargs.kv_transfer_params"],
] as const)("%s is a 400, and no engine hears of it.", async ([fields, param]) => {
  const { port, prefill, decode } = await responsesRig();

  const answer = await ask(port, post(withFields(fields), PATH));

  expect([answer.status, answer.json()]).toMatchObject([400, { error: { param } }]);
  expect([prefill[0]?.calls, decode[0]?.calls]).toEqual([[], []]);
});

test.for(["stream=perhaps", "stream=true&starting_after=x"])("The query %s is a 400.", async (query) => {
  const { port } = await responsesRig();
  const { id } = (await ask(port, post(plain, PATH))).json();

  expect((await ask(port, get(`${PATH}/${id}?${query}`))).status).toBe(400);
});
