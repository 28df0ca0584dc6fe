import { expect, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM } from "../testing/client.ts";
import {
  answerJson,
  type EngineCall,
  goodDecode,
  goodPrefill,
  KV_PARAMS,
  PLAIN_ANSWER,
} from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const SKELETON =
  '{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,' +
  '"remote_block_ids":null,"remote_host":null,"remote_port":null}';

/** The bodies that reach prefill and decode when a client sends `body`. */
async function bodiesOf(body: string): Promise<[prefill: string, decode: string]> {
  const { port, prefill, decode } = await startRig();
  expect((await ask(port, post(body))).status).toBe(200);
  return [prefill[0]?.calls[0]?.body ?? "", decode[0]?.calls[0]?.body ?? ""];
}

test("Rule 1: decode is asked only when prefill's answer is complete.", async () => {
  let held: EngineCall | undefined;
  const { port, prefill, decode } = await startRig({
    prefill: [
      (call) => {
        held = call;
        call.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{"kv_transfer_params":{"');
      },
    ],
  });
  const connection = await client(port);

  connection.send(post(PLAIN));
  await prefill[0]?.call(1);
  await ask(port, get("/livez"));
  const before = decode[0]?.calls.length;
  held?.socket.end();
  await connection.answer();

  expect(before).toBe(0);
  expect(decode[0]?.calls).toHaveLength(0);
});

test.for([{ path: "/v1/completions" }, { path: "/v1/chat/completions" }])(
  "Rule 1: both legs of $path go to that path.",
  async ({ path }) => {
    const { port, prefill, decode } = await startRig();

    const answer = await ask(port, post(PLAIN, path));

    expect(answer.status).toBe(200);
    expect(answer.body).toBe(PLAIN_ANSWER);
    expect(prefill[0]?.calls.map((call) => call.path)).toEqual([path]);
    expect(decode[0]?.calls.map((call) => call.path)).toEqual([path]);
  },
);

test("Rule 2: the prefill leg asks for one token in one answer.", async () => {
  const [prefill] = await bodiesOf(
    '{"max_tokens":500,"prompt":"x","max_completion_tokens":null,"stream":true,"stream_options":{"include_usage":true},"min_tokens":7,"n":2}',
  );

  expect(JSON.parse(prefill)).toEqual({
    prompt: "x",
    max_tokens: 1,
    max_completion_tokens: 1,
    stream: false,
    n: 1,
    kv_transfer_params: JSON.parse(SKELETON),
  });
});

test("Rule 2: the prefill leg gets no max_completion_tokens that the client did not send.", async () => {
  const [prefill] = await bodiesOf('{"prompt":"x"}');

  expect(prefill).toBe(`{"kv_transfer_params":${SKELETON},"max_tokens":1,"stream":false,"prompt":"x"}`);
});

test("Rule 3: decode gets the client's body and prefill's parameters to the byte.", async () => {
  const body =
    ' {\t"prompt" : "\\u00e9\\/\\ud83d\\ude00" , "seed":9007199254740993, "t":1.0e+00, "max_tokens":5 }\n';

  const [, decode] = await bodiesOf(body);

  expect(decode).toBe(body.replace("{", `{"kv_transfer_params":${KV_PARAMS},`));
});

test("Rule 3: prefill's parameters and a prompt that are not ASCII reach decode to the byte.", async () => {
  const params = '{"remote_host":"é→昇腾😀\u007f"}';
  const { port, decode } = await startRig({
    prefill: [(call) => answerJson(call, `{"kv_transfer_params":${params}}`)],
  });

  await ask(port, post('{"prompt":"ü→提示😀"}'));

  expect(decode[0]?.calls[0]?.body).toBe(`{"kv_transfer_params":${params},"prompt":"ü→提示😀"}`);
});

test("Rule 4: number literals, key order, white space and escapes reach prefill as they were written.", async () => {
  const body =
    '{ "b":1.50, "a" : -0, "10":2, "2":1, "s":"\\u0041\\n", "max_tokens": 12345678901234567890 , "e":1E5 }';

  const [prefill] = await bodiesOf(body);

  expect(prefill).toBe(
    body
      .replace("{", `{"kv_transfer_params":${SKELETON},"stream":false,`)
      .replace("12345678901234567890", "1"),
  );
});

test("Rule 5: edited keys are recognised in escaped spelling.", async () => {
  const { port, prefill } = await startRig();

  const answer = await ask(
    port,
    post('{"\\u0073tream":true,"max\\u005ftokens":9,"stream\\u005Foptions":{}}'),
  );

  expect(answer.header("content-type")).toMatch(/^text\/event-stream/);
  expect(JSON.parse(prefill[0]?.calls[0]?.body ?? "")).toEqual({
    stream: false,
    max_tokens: 1,
    kv_transfer_params: JSON.parse(SKELETON),
  });
});

test.for([
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "min_tokens",
  "kv_transfer_params",
])("Rule 5: a body with %s twice is refused before an engine sees it.", async (key) => {
  const { port, prefill } = await startRig();

  const answer = await ask(
    port,
    post(`{"${key}":null,"p":1,"\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":null}`),
  );

  expect(answer.status).toBe(400);
  expect(answer.json().error.code).toBe("duplicate_key");
  expect(answer.json().error.message).toContain(key);
  expect(prefill[0]?.calls).toHaveLength(0);
});

test.for(["kv_transfer_params", "\\u006bv_transfer_params", "kv\\u005Ftransfer\\u005fparams"])(
  "Rule 6: a client's %s reaches no engine.",
  async (key) => {
    const [prefill, decode] = await bodiesOf(`{"prompt":"x","${key}":{"remote_host":"evil"}}`);

    expect(prefill).not.toContain("evil");
    expect(decode).not.toContain("evil");
    expect(JSON.parse(decode).kv_transfer_params).toEqual(JSON.parse(KV_PARAMS));
  },
);

test("Rule 6: a client's kv_transfer_params reaches no engine when prefill gives none either.", async () => {
  const { port, decode } = await startRig({ prefill: [(call) => answerJson(call, "{}")] });

  await ask(port, post('{"prompt":"x","\\u006bv_transfer_params":{"remote_host":"evil"}}'));

  expect(decode[0]?.calls[0]?.body).toBe('{"prompt":"x"}');
});

test("Rule 6: kv_transfer_params of a plain answer does not reach the client, all else does.", async () => {
  const { port } = await startRig({
    decode: [
      (call) =>
        answerJson(call, '{"id":"x", "kv_transfer_params": {"remote_host":"h"} , "seed":9007199254740993}'),
    ],
  });

  const answer = await ask(port, post(PLAIN));

  expect(answer.body).toBe('{"id":"x", "seed":9007199254740993}');
});

test("Rule 37: nor do parameters of an encoder, nor those within a choice.", async () => {
  const params = '{"remote_host":"h"}';
  const { port } = await startRig({
    decode: [
      (call) =>
        answerJson(
          call,
          `{"ec_transfer_params":${params},"choices":[{"index":0,"kv_transfer_params":${params}}]}`,
        ),
    ],
  });

  const answer = await ask(port, post(PLAIN));

  expect(answer.body).toBe('{"choices":[{"index":0}]}');
});

const idOf = (call: EngineCall | undefined) => call?.header("x-request-id");

test("Rule 7: both legs and the client get one id that holds a well-formed id of the client's.", async () => {
  const { port, prefill, decode } = await startRig();

  const answer = await ask(port, post(PLAIN, "/v1/completions", "X-Request-Id: my.req-1_a"));

  const id = answer.header("x-request-id");
  expect(id).toMatch(/^my\.req-1_a-/);
  expect(idOf(prefill[0]?.calls[0])).toEqual([id]);
  expect(idOf(decode[0]?.calls[0])).toEqual([id]);
});

test("Rule 7: concurrent requests with one id get two.", async () => {
  const { port } = await startRig();
  const request = post(PLAIN, "/v1/completions", "X-Request-Id: same");

  const [one, two] = await Promise.all([ask(port, request), ask(port, request)]);

  expect(one?.header("x-request-id")).toMatch(/^same-/);
  expect(two?.header("x-request-id")).toMatch(/^same-/);
  expect(one?.header("x-request-id")).not.toBe(two?.header("x-request-id"));
});

test.for([
  "a b",
  "a;b",
  "<script>",
  "é",
  "a".repeat(101),
  "-a",
  "a___prefill_addr_10.0.0.1___decode_addr_10.0.0.2",
])("Rule 7: the unsafe id %s is replaced.", async (unsafe) => {
  const { port, prefill } = await startRig();

  const answer = await ask(port, post(PLAIN, "/v1/completions", `X-Request-Id: ${unsafe}`));

  expect(answer.header("x-request-id")).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
  expect(idOf(prefill[0]?.calls[0])).toEqual([answer.header("x-request-id")]);
});

test("Rule 7: several ids of a client's are replaced by one.", async () => {
  const { port } = await startRig();

  const answer = await ask(port, post(PLAIN, "/v1/completions", "X-Request-Id: a", "X-Request-Id: b"));

  expect(answer.header("x-request-id")).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
});

test.for(["{}", '{"kv_transfer_params":null}', '{"kv_transfer_params": { } }'])(
  "Rule 8: when prefill answers %s decode recomputes, and the log says so.",
  async (prefillAnswer) => {
    const { port, decode, logged } = await startRig({ prefill: [(call) => answerJson(call, prefillAnswer)] });

    const answer = await ask(port, post(STREAM));

    expect(answer.status).toBe(200);
    expect(decode[0]?.calls[0]?.body).toBe(STREAM);
    expect((await logged(1)).recomputed).toBe(true);
  },
);

test("Rule 8: when prefill gives no parameters and the flag says fail, the client gets a 502.", async () => {
  const { port, decode } = await startRig(
    { prefill: [(call) => answerJson(call, "{}")], decode: [goodDecode] },
    { missingKvParams: "fail" },
  );

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(502);
  expect(answer.json().error.code).toBe("missing_kv_params");
  expect(decode[0]?.calls).toHaveLength(0);
});

test("Rule 8: with parameters nothing is said about recomputing.", async () => {
  const { port, logged } = await startRig({ prefill: [goodPrefill] }, { missingKvParams: "fail" });

  await ask(port, post(PLAIN));

  expect((await logged(1)).recomputed).toBeUndefined();
});

test.for([
  "[]",
  "null",
  '{"kv_transfer_params":{}',
  '{"kv_transfer_params":{},"kv_transfer_params":{"a":1}}',
  "<html>",
])("A prefill answer that is not usable (%s) is a 502 that names no detail.", async (prefillAnswer) => {
  const { port, decode } = await startRig({ prefill: [(call) => answerJson(call, prefillAnswer)] });

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(502);
  expect(answer.json().error).toEqual({
    message: "The prefill instance failed",
    type: "server_error",
    param: null,
    code: "prefill_failed",
  });
  expect(decode[0]?.calls).toHaveLength(0);
});

test.for([
  ["required", '"required"', "none"],
  ["named", '{"type":"function","function":{"name":"f"}}', "none"],
  ["auto", '"auto"', "auto"],
] as const)(
  "A choice of tools that is %s becomes one that prefill can answer, and stays the client's on decode.",
  async ([, choice, wanted]) => {
    const tools = '[{"type":"function","function":{"name":"f"}}]';

    const [prefill, decode] = await bodiesOf(`{"tools":${tools},"tool_choice":${choice}}`);

    expect(JSON.parse(prefill)).toMatchObject({ tools: JSON.parse(tools), tool_choice: wanted });
    expect(JSON.parse(decode)).toMatchObject({ tools: JSON.parse(tools), tool_choice: JSON.parse(choice) });
  },
);

test.for([
  ["ec_transfer_params", '{"ec_transfer_params":{"a":1}}'],
  ["ec_transfer_params", '{"\\u0065c_transfer_params":null}'],
  ["vllm_xargs.kv_transfer_params", '{"vllm_xargs":{"a":1,"kv_transfer_params":"x"}}'],
  ["vllm_xargs.kv_transfer_params", '{"vllm\\u005fxargs":{"kv_transfer\\u005Fparams":{}}}'],
  ["vllm_xargs.ec_transfer_params", '{"vllm_xargs":{"ec_transfer_params":"x"}}'],
  ["extra_args.kv_transfer_params", '{"extra_args":{"kv_transfer_params":{}}}'],
] as const)("Rule 36: a client's own %s is refused before an engine sees it.", async ([param, body]) => {
  const { port, prefill } = await startRig();

  const answer = await ask(port, post(body));

  expect(answer.status).toBe(400);
  expect(answer.json().error).toMatchObject({
    message: `\`${param}\` is for the scheduler alone to give to an engine`,
    param,
  });
  expect(prefill[0]?.calls).toHaveLength(0);
});

test("Rule 36: two sets of other arguments are refused, of which the engine would take one.", async () => {
  const { port } = await startRig();

  const answer = await ask(port, post('{"vllm_xargs":{},"vllm_xargs":{"kv_transfer_params":"x"}}'));

  expect(answer.json().error.code).toBe("duplicate_key");
});

test.for(['{"vllm_xargs":{"session_id":"s","kv":[1]}}', '{"vllm_xargs":null}', '{"vllm_xargs":"x"}'])(
  "Other arguments reach both engines: %s.",
  async (body) => {
    const legs = await bodiesOf(body);

    for (const leg of legs) expect(leg).toContain(body.slice(1, -1));
  },
);
