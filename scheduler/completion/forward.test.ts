import { expect, test } from "vitest";
import { ask, get, PLAIN, post } from "../testing/client.ts";
import { answerJson, type EngineCall, goodPrefill, type Script } from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const TOKENS = '{"count":2,"max_model_len":9007199254740993,"tokens":[1,2],"token_strs":null}';
const tells: Script = (call) => answerJson(call, TOKENS);
const asked = (calls: readonly EngineCall[] = []) => calls.map(({ path }) => path);

test.for([
  ["/tokenize", '{ "prompt":"hi", "x":1.0, "\\u0061":9007199254740993 }'],
  ["/detokenize", '{"tokens" : [1,2]}'],
] as const)("POST %s is one instance's to answer: bytes there, bytes back.", async ([path, body]) => {
  const { port, prefill, decode, logged } = await startRig({ prefill: [tells] });

  const answer = await ask(port, post(body, path, "Authorization: Bearer key"));

  expect([answer.status, answer.body, answer.header("content-type")]).toEqual([
    200,
    TOKENS,
    "application/json",
  ]);
  expect(decode[0]?.calls).toEqual([]);
  expect(prefill[0]?.calls).toMatchObject([{ method: "POST", path, body }]);
  expect(prefill[0]?.calls[0]?.header("authorization")).toEqual(["Bearer key"]);
  expect(prefill[0]?.calls[0]?.header("x-request-id")).toEqual([answer.header("x-request-id")]);
  expect(await logged(1)).toMatchObject({ path, prefill: "prefill-0", status: 200, outcome: "ok" });
});

test("GET /version is what an instance says.", async () => {
  const { port, prefill } = await startRig({ prefill: [(call) => answerJson(call, '{"version":"0.32.0"}')] });

  const answer = await ask(port, get("/version"));

  expect([answer.status, answer.body]).toEqual([200, '{"version":"0.32.0"}']);
  expect(prefill[0]?.calls).toMatchObject([{ method: "GET", path: "/version" }]);
});

test("Decode is asked while no prefill instance is ready, and nobody when none is.", async () => {
  const { port, prefill, decode } = await startRig({ decode: [tells] }, { ready: false });
  await prefill[0]?.close();
  const ready = async (role: "prefill" | "decode") =>
    JSON.parse((await ask(port, get("/health"))).body)[role] as number;
  while ((await ready("decode")) === 0 || (await ready("prefill")) > 0);

  const one = await ask(port, post(PLAIN, "/tokenize"));
  await decode[0]?.close();
  while ((await ready("decode")) > 0);
  const none = await ask(port, post(PLAIN, "/tokenize"));

  expect([one.status, one.body]).toEqual([200, TOKENS]);
  expect([none.status, none.json().error.code]).toEqual([503, "no_prefill"]);
});

test("An instance that cannot be reached is left for another, once.", async () => {
  const refuses: Script = (call) => call.socket.destroy();
  const { port, logged } = await startRig({ prefill: [refuses, tells] });

  const answers = [await ask(port, post(PLAIN, "/tokenize")), await ask(port, post(PLAIN, "/tokenize"))];

  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  const retried = [await logged(1), await logged(2)].filter(({ text }) => text.includes('"retries":1'));
  expect(retried.length).toBeGreaterThan(0);
});

test("Requests in between do not make completions go to one instance only.", async () => {
  const both: Script = (call) => (call.path === "/tokenize" ? tells(call) : goodPrefill(call));
  const { port, prefill } = await startRig({ prefill: [both, both] });

  for (let i = 0; i < 2; i++) {
    await ask(port, post(PLAIN, "/tokenize"));
    await ask(port, post(PLAIN));
  }

  for (const { calls } of prefill) expect(asked(calls).sort()).toEqual(["/tokenize", "/v1/completions"]);
});

test.for([
  ['{"prompt":"x","kv_transfer_params":{"do_remote_prefill":true}}', "invalid_value"],
  ['{"prompt":"x","\\u006bv_transfer_params":null}', "invalid_value"],
  ['{"prompt":"x","ec_transfer_params":{}}', "invalid_value"],
  ['{"prompt":"x","vllm_xargs":{"kv_transfer_params":"x"}}', "invalid_value"],
  ['{"prompt":"x","prompt":"y"}', "duplicate_key"],
  ['{"prompt":"x"', "invalid_json"],
  ["[]", "invalid_json"],
] as const)("The body %s is a 400, and no engine hears of it.", async ([body, code]) => {
  const { port, prefill, decode } = await startRig({ prefill: [tells], decode: [tells] });

  const answer = await ask(port, post(body, "/tokenize"));

  expect([answer.status, answer.json().error.code]).toEqual([400, code]);
  expect([prefill[0]?.calls, decode[0]?.calls]).toEqual([[], []]);
});

test("Another model, another type and too large a body are refused as those of a completion are.", async () => {
  const { port, prefill } = await startRig(
    { prefill: [tells] },
    { servedModels: ["glm"], maxBodyBytes: 1000 },
  );

  const answers = [
    await ask(port, post('{"model":"glm-2","prompt":"x"}', "/tokenize")),
    await ask(port, post(PLAIN, "/tokenize").replace("application/json", "text/plain")),
    await ask(port, post(JSON.stringify({ prompt: "x".repeat(1000) }), "/detokenize")),
    await ask(port, get("/tokenize")),
  ];

  expect(answers.map(({ status }) => status)).toEqual([404, 415, 413, 405]);
  expect(prefill[0]?.calls).toEqual([]);
});

test("An engine's refusal reaches the client with its words.", async () => {
  const error = '{"error":{"message":"no such token","type":"BadRequestError","param":"tokens","code":400}}';
  const { port } = await startRig({ prefill: [(call) => answerJson(call, error, "400 Bad Request")] });

  const answer = await ask(port, post('{"tokens":[-1]}', "/detokenize"));

  expect([answer.status, answer.body]).toEqual([400, error]);
});

const CARDS = ['{"id":"glm","object" : "model"}', '{"id":"/models/\\u0067lm","n":1.0}'];
const lists: Script = (call) => answerJson(call, `{"object":"list","data":[${CARDS.join(", ")}]}`);

test.for([
  ["glm", 0],
  ["gl%6d", 0],
  ["/models/glm", 1],
  ["%2Fmodels%2Fglm", 1],
] as const)("GET /v1/models/%s is what an instance says of that model.", async ([name, at]) => {
  const { port, prefill } = await startRig({ prefill: [lists] });

  const answer = await ask(port, get(`/v1/models/${name}?x=y`));

  expect([answer.status, answer.body]).toEqual([200, CARDS[at]]);
  expect(asked(prefill[0]?.calls)).toEqual(["/v1/models"]);
});

test.for(["", "GLM", "glm/", "../health", "%zz", "x".repeat(10_000)])(
  "A model %j that no instance tells of is a 404 in the words of vLLM.",
  async (name) => {
    const { port, prefill } = await startRig({ prefill: [lists] });

    const answer = await ask(port, get(`/v1/models/${name}`));

    expect([answer.status, answer.json().error]).toEqual([
      404,
      {
        message: `The model \`${name.slice(0, 200)}\` does not exist.`,
        type: "NotFoundError",
        param: "model",
        code: "model_not_found",
      },
    ]);
    expect(asked(prefill[0]?.calls)).toEqual(["/v1/models"]);
  },
);

test.for(["{}", "[]", '{"data":{}}', "x"])("A list of models that is %s is a 502.", async (list) => {
  const { port } = await startRig({ prefill: [(call) => answerJson(call, list)] });

  const answer = await ask(port, get("/v1/models/glm"));

  expect([answer.status, answer.json().error.code]).toEqual([502, "prefill_failed"]);
});
