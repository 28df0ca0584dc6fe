import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { expect, test } from "vitest";
import { defaultCacheDir } from "../toolchain/cache.ts";
import { pythonWith } from "../toolchain/python-packages.ts";
import { metric, type Program, scheduler, simulator, until } from "./testing/pd-processes.ts";

/*
 * Clients as people use them. What a plain instance answers to each is what it has to get through the scheduler.
 */

const PYTHON_CLIENTS = ["openai==3.57.0", "anthropic==2.14.0", "langchain-openai==1.7.4"];
const CHAT = { model: "sim", messages: [{ role: "user" as const, content: "两\nlines" }], max_tokens: 6 };

async function service(args: readonly string[] = []) {
  const prefill = await simulator("prefill", args);
  const decode = await simulator("decode", args);
  return { prefill, decode, front: await scheduler([prefill], [decode]) };
}

const openai = ({ url }: Program, maxRetries = 0) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries });
const anthropic = ({ url }: Program) => new Anthropic({ baseURL: url, apiKey: "any", maxRetries: 0 });

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

test("Python's clients of OpenAI, Anthropic and LangChain get what one plain instance gives them.", async () => {
  const python = await pythonWith({ cacheDir: defaultCacheDir(), say: console.warn }, PYTHON_CLIENTS);
  const answersOf = async ({ url }: Program) =>
    JSON.parse((await promisify(execFile)(python, ["test/clients/clients.py", url])).stdout);
  const plain = await simulator("decode");
  const { decode, front } = await service();

  const right = await answersOf(plain);
  const answers = await answersOf(front);

  expect(answers).toEqual(right);
  const refused = Object.entries<{ raised?: string }>(answers).filter(([, { raised }]) => raised);
  expect(Object.fromEntries(refused.map(([name, { raised }]) => [name, raised]))).toEqual({
    "chat, logprobs": "BadRequestError",
    "another model": "NotFoundError",
    "a value of the wrong type": "BadRequestError",
    "a value out of range": "BadRequestError",
    "message, another model": "NotFoundError",
  });
  expect(answers["64 streams at once"]).toHaveLength(64);
  expect(await metric(decode, "simulator:recomputed_total")).toBe(0);
});

test("JavaScript's clients get what one plain instance gives them.", async () => {
  const plain = await simulator("decode");
  const { decode, front } = await service();
  const answersOf = async (program: Program) => {
    const { chat, responses } = openai(program);
    const { messages } = anthropic(program);
    const response = { model: "sim", input: "One", max_output_tokens: 6 };
    const usage = { stream_options: { include_usage: true } };
    return {
      chat: (await chat.completions.create(CHAT)).choices,
      chunks: (await all(await chat.completions.create({ ...CHAT, ...usage, stream: true }))).map(
        ({ choices, usage }) => [choices, usage],
      ),
      streamed: (await chat.completions.stream(CHAT).finalChatCompletion()).choices,
      response: (await responses.create(response)).output_text,
      events: (await all(await responses.create({ ...response, stream: true }))).map(({ type }) => type),
      message: (await messages.create(CHAT)).content,
      deltas: (await all(await messages.create({ ...CHAT, stream: true }))).map((event) =>
        event.type === "content_block_delta" ? event.delta : event.type,
      ),
    };
  };

  const right = await answersOf(plain);
  const answers = await answersOf(front);

  expect(answers).toEqual(right);
  expect(answers.chat[0]?.message.content).toBeTruthy();
  expect(await metric(decode, "simulator:recomputed_total")).toBe(0);
});

test("A client that breaks a stream off frees both instances.", async () => {
  const { prefill, decode, front } = await service(["--inter-token-ms=20"]);
  const stream = await openai(front).chat.completions.create({ ...CHAT, max_tokens: 2000, stream: true });

  for await (const { choices } of stream) if (choices[0]?.delta.content) break;

  for (const program of [prefill, decode])
    await until(async () => (await metric(program, "vllm:num_requests_running")) === 0);
  await until(async () => (await metric(prefill, "simulator:kv_blocks_leased")) === 0);
});

test("A client's own retries bridge the time in which there is no decode instance.", async () => {
  const { decode, front } = await service();
  const client = openai(front, 10);
  const [right] = (await client.chat.completions.create(CHAT)).choices;
  await decode.stop("SIGKILL");
  await until(async () => (await fetch(`${front.url}/readyz`)).status === 503);

  const answer = client.chat.completions.create(CHAT);
  await simulator("decode", [], decode.port);

  expect((await answer).choices).toEqual([right]);
});
