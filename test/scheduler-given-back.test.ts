import { expect, test } from "vitest";
import { expectedText } from "../simulator/oracle.ts";
import { metric, type Program, post, scheduler, simulator } from "./testing/pd-processes.ts";

/** 10,000 take minutes: `REQUESTS=10000` before the run. */
const REQUESTS = Number(process.env.REQUESTS ?? 300);
const AT_ONCE = 32;

const MOONCAKE = "--kv-connector=MooncakeConnectorV1";

/** A scheduler and instances of which decode gives each request back after a few tokens. */
async function givingBack(within: number) {
  const prefill = await Promise.all([0, 1].map(() => simulator("prefill", [MOONCAKE])));
  const decode = await Promise.all(
    [0, 1].map(() => simulator("decode", [MOONCAKE, `--preempt-within=${within}`, "--max-model-len=4096"])),
  );
  return { prefill, decode, front: await scheduler(prefill, decode, { args: [MOONCAKE] }) };
}

interface Asked {
  readonly path: string;
  readonly body: string;
  readonly tokens: number;
  readonly promptTokens: number;
  readonly isStream: boolean;
}

/** Chats and completions, streams and plain answers, by text and by ids, of all lengths. */
function request(index: number): Asked {
  const isChat = index % 2 === 0;
  const isStream = index % 4 < 2;
  const tokens = 1 + (index % 13);
  const text = `Question ${index}: "größer" 😀?`;
  const ids = index % 3 === 0 && !isChat;
  const asked = isChat
    ? { messages: [{ role: "user", content: text }] }
    : { prompt: ids ? [index, 2, 3] : text };
  const limit = isChat && index % 8 === 0 ? { max_completion_tokens: tokens } : { max_tokens: tokens };
  const options = { include_usage: true, continuous_usage_stats: index % 5 === 0 };
  const body = {
    model: "sim",
    ...asked,
    ...limit,
    seed: index,
    min_tokens: tokens,
    stream: isStream,
    ...(isStream && { stream_options: options }),
    ...(index % 7 === 0 && { return_token_ids: true }),
  };
  const rendered = isChat ? `user: ${text}\nassistant:` : text;
  return {
    path: isChat ? "/v1/chat/completions" : "/v1/completions",
    body: JSON.stringify(body),
    tokens,
    promptTokens: ids ? 3 : Array.from(rendered).length,
    isStream,
  };
}

interface Told {
  readonly text: string;
  readonly ends: readonly string[];
  readonly roles: number;
  readonly identities: number;
  readonly usage: unknown;
  readonly ids: readonly number[] | undefined;
  readonly promptIds: number | undefined;
  readonly isDone: boolean;
}

/** What an answer says, however it comes. */
function told(answer: string): Told {
  const isStream = answer.startsWith("data: ");
  const events = isStream ? answer.split("\n\n") : [`data: ${answer}`];
  const parts = events
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice(6)));
  const choices = parts.flatMap((part) => part.choices ?? [{ error: part }]);
  const ids = choices.flatMap(({ token_ids }) => token_ids ?? []);
  const prompts = [...parts, ...choices].flatMap(({ prompt_token_ids }) => prompt_token_ids ?? []);
  return {
    text: choices.map(({ text, delta, message }) => text ?? (delta ?? message)?.content ?? "").join(""),
    ends: choices.flatMap(({ finish_reason }) => finish_reason ?? []),
    roles: choices.filter(({ delta }) => delta?.role !== undefined).length,
    identities: new Set(parts.map(({ id, created }) => `${id} ${created}`)).size,
    usage: parts.at(-1)?.usage,
    ids: ids.length === 0 ? undefined : ids,
    promptIds: prompts.length === 0 ? undefined : prompts.length,
    isDone: !isStream || events.at(-2) === "data: [DONE]",
  };
}

async function check({ url }: Program, index: number): Promise<void> {
  const { path, body, tokens, promptTokens, isStream } = request(index);
  const answer = await post(`${url}${path}`, body);
  const text = await answer.text();
  const wants = index % 7 === 0;

  const { ids, ...rest } = told(text);
  expect({ index, status: answer.status, ...rest }).toEqual({
    index,
    status: 200,
    text: expectedText(body, tokens),
    ends: ["length"],
    roles: isStream && path.includes("chat") ? 1 : 0,
    identities: 1,
    usage: expect.objectContaining({
      prompt_tokens: promptTokens,
      completion_tokens: tokens,
      total_tokens: promptTokens + tokens,
    }),
    promptIds: wants ? promptTokens : undefined,
    isDone: true,
  });
  expect(ids?.length).toBe(wants ? tokens : undefined);
  expect(text).not.toContain("recomputed");
}

test("Answers that decode gives back go on token for token, with one role, one identity and the usage of the whole.", async () => {
  const { prefill, decode, front } = await givingBack(6);
  let next = 0;

  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let index = next++; index < REQUESTS; index = next++) await check(front, index);
    }),
  );

  const sum = async (all: readonly Program[], name: string) =>
    (await Promise.all(all.map((one) => metric(one, name)))).reduce((total, one) => total + one, 0);
  expect(await sum(decode, "simulator:recomputed_total")).toBe(0);
  expect(await sum(prefill, "simulator:kv_blocks_leased")).toBe(0);
  const generated = await sum(decode, "vllm:generation_tokens_total");
  expect(generated).toBe(
    Array.from({ length: REQUESTS }, (_, index) => 1 + (index % 13)).reduce((a, b) => a + b),
  );
  const back = await Promise.all(
    decode.map((one) => metric(one, "vllm:request_success_total", 'finished_reason="stop"')),
  );
  for (const count of back) expect(count).toBeGreaterThan(REQUESTS / 3);
}, 1_800_000);
