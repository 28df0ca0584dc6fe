import { expect, test } from "vitest";
import { ask, get, post } from "../testing/client.ts";
import { startRig } from "../testing/rig.ts";
import { NOT_SERVED } from "./not-served.ts";
import { ROUTES } from "./routes.ts";

test("What vLLM has and the scheduler has not is a 404 that says why, whatever the method, and no engine hears of it.", async () => {
  const { port, prefill, decode } = await startRig();
  const known = NOT_SERVED.flatMap(({ paths, why }) =>
    paths.map((path) => ({ path: path.replace("*", "x/y"), why })),
  );

  for (const { path, why } of known) {
    for (const request of [get(path), post("{}", `${path}?a=b`)]) {
      const answer = await ask(port, request);
      expect([answer.status, answer.json().error]).toMatchObject([404, { code: "not_found", param: null }]);
      expect(answer.json().error.message).toBe(`This path is not served here. ${why}`);
    }
  }

  expect([prefill[0]?.calls, decode[0]?.calls]).toEqual([[], []]);
});

test("What is unknown is not explained.", async () => {
  const { port } = await startRig();

  const answers = await Promise.all(
    ["/v1/embeddings/", "/v1/completions/", "/v1/audio", "/nowhere", "/"].map((path) => ask(port, get(path))),
  );

  expect(answers.map((answer) => answer.json().error.message)).toEqual(
    answers.map(() => "There is no such path here"),
  );
});

test("Nothing is both served and not.", () => {
  const served = ROUTES.map(({ path }) => path);

  expect(NOT_SERVED.flatMap(({ paths }) => paths).filter((path) => served.includes(path))).toEqual([]);
});

test("OPTIONS is answered as any method that a path does not take, and no answer has a CORS header.", async () => {
  const { port } = await startRig();
  const origin = "Origin: https://elsewhere.example";

  const answers = await Promise.all([
    ...ROUTES.filter(({ api }) => api !== "vllm").map(({ path }) =>
      ask(port, get(path, origin, "Access-Control-Request-Method: POST").replace("GET", "OPTIONS")),
    ),
    ask(port, get("/livez", origin)),
    ask(port, post('{"prompt":"x"}', "/v1/completions", origin)),
  ]);

  expect(answers.map(({ status }) => status).slice(0, -2)).toEqual(answers.slice(2).map(() => 405));
  expect(answers.slice(-2).map(({ status }) => status)).toEqual([200, 200]);
  expect(answers.filter(({ head }) => /^access-control-/im.test(head))).toEqual([]);
});
