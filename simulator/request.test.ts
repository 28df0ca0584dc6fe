import { expect, test } from "vitest";
import { parseJsonBody } from "./body.ts";
import { ApiError } from "./errors.ts";
import type { Endpoint } from "./prompts.ts";
import { parseRequest } from "./request.ts";

const limits = {
  servedModelName: "sim",
  maxModelLen: 40,
  seed: 0,
  preemptWithin: 0,
  kvCheck: "strict",
  kvConnector: "NixlConnector",
} as const;

function parse(endpoint: Endpoint, body: unknown) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return parseRequest(endpoint, parseJsonBody("application/json", new TextEncoder().encode(text)), limits);
}

const maxTokens = (endpoint: Endpoint, body: unknown) => parse(endpoint, body).prompts[0]?.maxTokens;

/** Status, type and message of the refusal. */
function refusal(endpoint: Endpoint, body: unknown): unknown {
  try {
    return parse(endpoint, body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [error.status, error.type, error.message];
  }
}

const bad = (message: string) => [400, "BadRequestError", expect.stringContaining(message)];
const invalid = (message: string) => [400, "Bad Request", expect.stringContaining(message)];
const chat = (content: unknown) => ({ messages: [{ role: "user", content }] });

test.each<[string, Endpoint, unknown, unknown]>([
  ["text that is not JSON", "completions", "{", invalid("JSON decode error")],
  ["JSON that is not an object", "completions", "[]", invalid("valid dictionary")],
  ["a missing prompt", "completions", {}, bad("must be provided and non-empty. (parameter=prompt)")],
  ["a null prompt", "completions", { prompt: null }, bad("must be provided and non-empty")],
  ["an empty text", "completions", { prompt: "" }, bad("must be provided and non-empty")],
  ["a negative token id", "completions", { prompt: [7, -7] }, invalid("'loc': 'body.prompt.1'")],
  ["an empty batch", "completions", { prompt: [] }, bad("You must pass at least one prompt")],
  ["an empty list of token ids in a batch", "completions", { prompt: [[]] }, bad("cannot be empty")],
  ["a batch of texts and token ids", "completions", { prompt: ["a", [7]] }, invalid("a list of either")],
  ["a batch of numbers and lists", "completions", { prompt: [7, [7]] }, invalid("a list of either")],
  ["1025 prompts", "completions", { prompt: Array(1025).fill("x") }, bad("list length 1025 exceeds")],
  [
    "a prompt of a batch as long as the model",
    "completions",
    { prompt: ["x", "x ".repeat(40)] },
    bad("contains 40"),
  ],
  ["missing messages", "chat", { prompt: "x" }, invalid("'loc': 'body.messages', 'msg': 'Field required'")],
  ["empty messages", "chat", { messages: [] }, bad("at least one message")],
  [
    "a message without a role",
    "chat",
    { messages: [{}] },
    invalid("'loc': 'body.messages.0.ChatCompletionDeveloperMessageParam.role'"),
  ],
  ["an image", "chat", chat([{ type: "image_url", image_url: { url: "x" } }]), bad("text only")],
  [
    "max_tokens as text",
    "completions",
    { prompt: "x", max_tokens: "1" },
    invalid("'loc': 'body.max_tokens'"),
  ],
  ["max_tokens 0", "completions", { prompt: "x", max_tokens: 0 }, bad("at least 1, got 0")],
  ["stream as text", "completions", { prompt: "x", stream: "yes" }, invalid("valid boolean")],
  ["a negative temperature", "chat", { ...chat("x"), temperature: -1 }, bad("non-negative, got -1")],
  ["top_p over 1", "chat", { ...chat("x"), top_p: 2 }, bad("in (0, 1], got 2")],
  ["a seed over 64 bits", "completions", { prompt: "x", seed: 2 ** 64 }, invalid("9223372036854775807")],
  ["a forced tool of none", "chat", { ...chat("x"), tool_choice: "required" }, bad("`tools` must be set")],
  ["top_logprobs alone", "chat", { ...chat("x"), top_logprobs: 1 }, bad("`logprobs` must be set")],
  ["n 0", "completions", { prompt: "x", n: 0 }, bad("n must be at least 1, got 0")],
  ["n as text", "chat", { ...chat("x"), n: "2" }, invalid("'loc': 'body.n'")],
  ["too large n", "completions", { prompt: "x", n: 20_000 }, bad("n must be at most 16384, got 20000")],
  [
    "n over 1 without sampling",
    "chat",
    { ...chat("x"), n: 2, temperature: 0 },
    bad("using greedy sampling, got 2"),
  ],
  ["echo", "completions", { prompt: "x", echo: true }, bad("`echo` is not simulated")],
  ["logprobs", "chat", { ...chat("x"), logprobs: true }, bad("`logprobs` is not simulated")],
  ["stream_options without stream", "completions", { prompt: "x", stream_options: {} }, bad("`stream=True`")],
  ["min_tokens over max_tokens", "completions", { prompt: "x", max_tokens: 1, min_tokens: 2 }, bad("got 2")],
  [
    "a prompt as long as the model",
    "completions",
    { prompt: "x ".repeat(40) },
    bad("contains 40 input tokens"),
  ],
  ["too large max_tokens", "completions", { prompt: "x", max_tokens: 41 }, bad("max_tokens=41 cannot be")],
  [
    "an unknown model",
    "chat",
    { ...chat("x"), model: "y" },
    [404, "NotFoundError", "The model `y` does not exist. Valid aliases: sim."],
  ],
])("%s is refused as vLLM does.", (_, endpoint, body, expected) => {
  expect(refusal(endpoint, body)).toEqual(expected);
});

test("A body that is not UTF-8, or not declared as JSON, is refused.", () => {
  expect(() => parseJsonBody("application/json", Uint8Array.of(0x7b, 0xff, 0x7d))).toThrow(
    "JSON decode error",
  );
  expect(() => parseJsonBody("text/plain", new TextEncoder().encode("{}"))).toThrow(
    "Only 'application/json'",
  );
  expect(parseJsonBody("Application/JSON; charset=utf-8", new TextEncoder().encode("{}")).fields).toEqual({});
});

test("Null stands for an absent field, and the model may be left out.", () => {
  const request = parse("completions", { prompt: "x", max_tokens: null, stream: null, n: null, stop: null });

  expect(request).toMatchObject({ stream: false, includeUsage: false, kvParams: undefined });
  expect(request.prompts).toMatchObject([{ maxTokens: 16, hashes: { samples: { length: 1 } } }]);
});

test("max_tokens is 16 unless given, and less when the model's length leaves less.", () => {
  expect(maxTokens("completions", { prompt: "x" })).toBe(16);
  expect(maxTokens("completions", { prompt: "x ".repeat(30) })).toBe(10);
  expect(maxTokens("completions", { prompt: "x", max_tokens: 39 })).toBe(39);
  expect(maxTokens("completions", { prompt: "x", max_tokens: 40 })).toBe(39);
});

test("A chat's max_completion_tokens goes before max_tokens.", () => {
  expect(maxTokens("chat", { ...chat("x"), max_tokens: 3, max_completion_tokens: 5 })).toBe(5);
});

test.each<[string, Endpoint, unknown, number]>([
  ["words of up to six letters, and symbols, one each", "completions", { prompt: "Hi, wonderful world!" }, 5],
  ["Chinese characters one each", "completions", { prompt: "你好 world" }, 3],
  ["token ids one each", "completions", { prompt: [7, 8, 9] }, 3],
  ["a blank prompt not at all", "completions", { prompt: " " }, 0],
  ["a chat with its roles", "chat", chat("Hi"), 6],
  ["text parts like the text", "chat", chat([{ type: "text", text: "Hi" }]), 6],
  ["a message without content", "chat", chat(null), 5],
])("Prompt tokens count %s.", (_, endpoint, body, count) => {
  expect(parse(endpoint, body).prompts.map(({ tokens }) => tokens.length)).toEqual([count]);
});

test("kv_transfer_params keep their number literals.", () => {
  const body = `{"prompt":"x","kv_transfer_params":{"do_remote_prefill":true,"transfer_id":9223372036854775807}}`;

  const { kvParams } = parse("completions", body);

  expect(kvParams?.get("transfer_id")).toBe("9223372036854775807");
});
