import { expect, test } from "vitest";
import { start } from "./testing/client.ts";

const key = "sk-right";
const body = '{"model":"sim","prompt":"Hello","max_tokens":2}';

async function asked(url: string, method: string, authorization?: string): Promise<Response> {
  const headers = { "content-type": "application/json", ...(authorization && { authorization }) };
  return fetch(url, { method, headers, ...(method === "POST" && { body }) });
}

test("What begins with a guarded path wants the key, and is refused in vLLM's words, be it there or not.", async () => {
  const { url } = await start({ apiKey: key });

  for (const path of ["/v1/completions", "/v1/models", "/v1nowhere", "/v2/embed", "/inference/v1/generate"]) {
    const answer = await asked(`${url}${path}`, "POST");
    expect([answer.status, await answer.text()]).toEqual([401, '{"error":"Unauthorized"}']);
  }
});

test.each([
  ["Bearer sk-right", 200],
  ["bearer sk-right", 200],
  ["Bearer sk-wrong", 401],
  ["Bearer  sk-right", 401],
  ["Basic sk-right", 401],
  ["sk-right", 401],
])("Of %j the answer is %i.", async (authorization, status) => {
  const { url } = await start({ apiKey: key });

  expect((await asked(`${url}/v1/completions`, "POST", authorization)).status).toBe(status);
});

test("Health, metrics and the tokenizer want no key.", async () => {
  const { url } = await start({ apiKey: key });

  const answers = await Promise.all([
    asked(`${url}/health`, "GET"),
    asked(`${url}/metrics`, "GET"),
    asked(`${url}/tokenize`, "POST"),
  ]);

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
});
