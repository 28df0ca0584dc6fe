import { expect, test, vi } from "vitest";
import { ask, post } from "../testing/client.ts";
import { PLAIN_ANSWER } from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const SERVED = ["glm", "glm-ü"];

test.for([
  { model: '"glm"' },
  { model: '"glm-ü"', why: "a second name" },
  { model: '"\\u0067lm"', why: "the name in escaped spelling" },
  { model: "null", why: "no name" },
  { model: '""', why: "an empty name" },
])("`model` may be $model: $why.", async ({ model }) => {
  const body = `{"prompt":"hi","model" : ${model}}`;
  const { port, decode } = await startRig({}, { servedModels: SERVED });

  const answer = await ask(port, post(body));

  expect([answer.status, answer.body]).toEqual([200, PLAIN_ANSWER]);
  expect(decode[0]?.calls[0]?.body).toContain(`"model" : ${model}`);
});

test("A request without `model` is for the model that there is.", async () => {
  const { port } = await startRig({}, { servedModels: SERVED });

  expect((await ask(port, post('{"prompt":"hi"}'))).status).toBe(200);
});

test("Any name will do when the scheduler was not told which are served.", async () => {
  const { port } = await startRig();

  expect((await ask(port, post('{"prompt":"hi","model":"whatever"}'))).status).toBe(200);
});

test.for([{ key: "model" }, { key: "\\u006dodel" }, { key: "mode\\u006C" }])(
  'Another name under the key "$key" is a 404 in the words of vLLM, and no engine is asked.',
  async ({ key }) => {
    const { port, prefill, decode, logged } = await startRig({}, { servedModels: SERVED });

    const answer = await ask(port, post(`{"${key}":"glm-2","prompt":"secret"}`, "/v1/chat/completions"));

    expect([answer.status, answer.json()]).toEqual([
      404,
      {
        error: {
          message: "The model `glm-2` does not exist.",
          type: "NotFoundError",
          param: "model",
          code: "model_not_found",
        },
      },
    ]);
    expect([prefill[0]?.calls, decode[0]?.calls]).toEqual([[], []]);
    expect(await logged(1)).toMatchObject({ status: 404, outcome: "model_not_found" });
    expect((await logged(1)).text).not.toContain("glm-2");
  },
);

test.for([
  { model: '"glm "' },
  { model: '"GLM"' },
  { model: '"__proto__"' },
  { model: '"toString"' },
  { model: '"\\u0000"' },
  { model: '"\\ud800"' },
  { model: `"${"m".repeat(100_000)}"` },
])("$model is another name.", async ({ model }) => {
  const { port } = await startRig({}, { servedModels: SERVED });

  const answer = await ask(port, post(`{"model":${model}}`));

  expect([answer.status, answer.json().error.code]).toEqual([404, "model_not_found"]);
  expect(answer.body.length).toBeLessThan(500);
});

test.for([{ model: "1" }, { model: '["glm"]' }, { model: '{"a":"glm"}' }, { model: "true" }])(
  "`model` may not be $model.",
  async ({ model }) => {
    const { port, prefill } = await startRig({}, { servedModels: SERVED });

    const answer = await ask(port, post(`{"model":${model}}`));

    expect([answer.status, answer.json().error]).toMatchObject([
      400,
      { code: "invalid_value", param: "model" },
    ]);
    expect(prefill[0]?.calls).toEqual([]);
  },
);

test.for([
  { body: '{"model":"glm","model":"glm"}' },
  { body: '{"model":"glm","prompt":"x","\\u006d\\u006fdel":"glm-2"}' },
])("Two names, in any spelling of the key, are refused: $body.", async ({ body }) => {
  const { port, prefill } = await startRig({}, { servedModels: SERVED });

  const answer = await ask(port, post(body));

  expect([answer.status, answer.json().error.code]).toEqual([400, "duplicate_key"]);
  expect(prefill[0]?.calls).toEqual([]);
});

test.for([
  ["a list of objects", `[${"{},".repeat(100_000)}{}]`, 400],
  ["a number", "1".repeat(300_000), 400],
  ["a long text", `"${"m".repeat(300_000)}"`, 404],
  ["a long escaped text", `"${"\\u006d".repeat(50_000)}"`, 404],
] as const)("A model that is %s is refused without being parsed.", async ([, model, status]) => {
  const parse = vi.spyOn(JSON, "parse");
  const { port } = await startRig({}, { servedModels: ["m"] });

  const answer = await ask(port, post(`{"model":${model},"prompt":"x"}`));

  expect(answer.status).toBe(status);
  expect(Math.max(...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(10_000);
  parse.mockRestore();
});

test("A long model name that is no JSON text is no such model.", async () => {
  const { port } = await startRig({}, { servedModels: ["m"] });

  const answer = await ask(port, post(`{"model":"${"m".repeat(1100)}\\x","prompt":"x"}`));

  expect(answer.status).toBe(404);
});
