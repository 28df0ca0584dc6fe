import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { ask, client, post } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  DONE,
  KV_PARAMS,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { type Overrides, type Rig, startRig } from "../testing/rig.ts";
import { readUsage } from "./usage.ts";

const METERED: Overrides = { metrics: { host: "127.0.0.1", port: 0 } };
const details = (cached: number) => `"prompt_tokens_details":{"audio_tokens":null,"cached_tokens":${cached}}`;
const usage = (prompt: number, completion: number, more = "") =>
  `"usage":{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},"completion_tokens":${completion}${more}}`;
const prefillWith =
  (more: string): Script =>
  (call) =>
    answerJson(call, `{"id":"p","kv_transfer_params":${KV_PARAMS},${more}}`);
const event = (data: string) => `data: ${data}\n\n`;
const token = (text: string) => event(`{"choices":[{"text":"${text}"}]}`);
const STREAM = '{"model":"m","prompt":"hi","stream":true}';
const PLAIN = '{"model":"m","prompt":"hi"}';

async function tokensOf(one: Rig, n = 1) {
  return JSON.parse((await one.logged(n)).text).tokens;
}

async function metrics({ metricsPort }: Rig): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return text.split("\n").filter((line) => /^ascend_pd_\w*tokens_total/.test(line));
}

test("Of a plain answer tokens are as the engines tell them: those cached are prefill's.", async () => {
  const one = await startRig(
    {
      prefill: [prefillWith(usage(100, 1, `,${details(64)}`))],
      decode: [
        (call) => answerJson(call, `{"choices":[{"text":"ab"}],${usage(100, 7, `,${details(100)}`)}}`),
      ],
    },
    METERED,
  );

  await ask(one.port, post(PLAIN));

  expect(await tokensOf(one)).toEqual({ prompt: 100, cached: 64, generated: 7, by: "usage" });
  expect(await metrics(one)).toEqual([
    "ascend_pd_prompt_tokens_total 100",
    "ascend_pd_cached_tokens_total 64",
    'ascend_pd_generated_tokens_total{source="usage"} 7',
    'ascend_pd_generated_tokens_total{source="events"} 0',
  ]);
});

test("A stream that tells its usage, because the client has asked for it, is counted by that.", async () => {
  const one = await startRig({
    prefill: [prefillWith(usage(5, 1))],
    decode: [
      (call) => answerEvents(call, token("a"), token("bcd"), event(`{"choices":[],${usage(5, 4)}}`), DONE),
    ],
  });

  const answer = await ask(one.port, post(STREAM));

  expect(await tokensOf(one)).toEqual({ prompt: 5, generated: 4, by: "usage" });
  expect(answer.body).toContain('"completion_tokens":4');
});

test("A stream without usage is counted by its events, and neither leg is asked for more than the client has.", async () => {
  const one = await startRig({
    prefill: [prefillWith(usage(5, 1))],
    decode: [(call) => answerEvents(call, token("a"), token("b"), token("c"), DONE)],
  });

  await ask(one.port, post(STREAM));

  expect(await tokensOf(one)).toEqual({ prompt: 5, generated: 3, by: "events" });
  for (const { calls } of [...one.prefill, ...one.decode])
    expect(calls[0]?.body).not.toContain("stream_options");
});

test("The first event of a chat has its role, and counts as no token.", async () => {
  const role = event('{"choices":[{"delta":{"role":"assistant","content":""}}]}');
  const delta = event('{"choices":[{"delta":{"content":"a"}}]}');
  const one = await startRig({ decode: [(call) => answerEvents(call, role, delta, delta, DONE)] });

  await ask(one.port, post('{"model":"m","messages":[],"stream":true}', "/v1/chat/completions"));

  expect(await tokensOf(one)).toEqual({ generated: 2, by: "events" });
});

test.each([
  ["in one piece", (text: string) => [text]],
  ["cut anywhere", (text: string) => text.match(/[\s\S]{1,7}/g) ?? []],
])("Usage of a message is that of its last event, %s.", async (_what, cut) => {
  const text =
    `event: message_start\n${event('{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":0}}}')}` +
    `event: message_delta\n${event('{"type":"message_delta","usage":{"input_tokens":9,"output_tokens":3,"cache_read_input_tokens":8}}')}` +
    `event: message_stop\n${event('{"type":"message_stop"}')}`;
  const one = await startRig({ decode: [(call) => answerEvents(call, ...cut(text))] });

  await ask(one.port, post('{"model":"m","messages":[],"max_tokens":3,"stream":true}', "/v1/messages"));

  expect(await tokensOf(one)).toEqual({ prompt: 9, generated: 3, by: "usage" });
});

test("A text that looks like usage counts for nothing.", async () => {
  const text = JSON.stringify('"usage":{"prompt_tokens":1,"completion_tokens":999}');
  const one = await startRig({
    decode: [(call) => answerEvents(call, event(`{"choices":[{"text":${text}}]}`), DONE)],
  });

  await ask(one.port, post(STREAM));

  expect(await tokensOf(one)).toEqual({ generated: 1, by: "events" });
});

test("What was made for a client that left is counted.", async () => {
  const one = await startRig({
    prefill: [prefillWith(usage(5, 1))],
    decode: [(call) => call.socket.write(STREAM_HEAD + chunked(token("a")) + chunked(token("b")))],
  });
  const connection = await client(one.port);

  connection.send(post(STREAM));
  await connection.received((text) => text.includes('"text":"b"'));
  connection.socket.destroy();

  expect(await tokensOf(one)).toEqual({ prompt: 5, generated: 2, by: "events" });
});

test("Of several answers a prompt counts once, and what was made counts for each.", async () => {
  const one = await startRig({
    prefill: [prefillWith(usage(5, 1, `,${details(4)}`))],
    decode: [
      (call) => answerJson(call, `{"id":"x","created":1,"choices":[{"index":0,"text":"a"}],${usage(5, 3)}}`),
    ],
  });

  await ask(one.port, post('{"model":"m","prompt":["a","b"],"n":2}'));

  expect(await tokensOf(one)).toEqual({ prompt: 10, cached: 8, generated: 12, by: "usage" });
});

test("An engine that tells nothing has no tokens in the log.", async () => {
  const one = await startRig();

  await ask(one.port, post(PLAIN));

  expect((await one.logged(1)).text).not.toContain("tokens");
});

test("Tokens are counted by the name of the key, and by no word of a client's.", async () => {
  const sha256 = createHash("sha256").update("sk").digest("hex");
  const one = await startRig(
    {
      prefill: [prefillWith(usage(5, 1, `,${details(4)}`))],
      decode: [(call) => answerJson(call, `{"choices":[{"text":"ab"}],${usage(5, 2)}}`)],
    },
    { ...METERED, trust: { keys: [{ name: "alice", sha256, trusted: false, share: 1, priority: 0 }] } },
  );

  for (const key of ["sk", "sk", "sk-invented"])
    await ask(one.port, post(PLAIN, "/v1/completions", `Authorization: Bearer ${key}`));

  expect((await metrics(one)).filter((line) => line.includes("key_tokens"))).toEqual([
    'ascend_pd_key_tokens_total{key="alice",kind="prompt"} 10',
    'ascend_pd_key_tokens_total{key="alice",kind="cached"} 8',
    'ascend_pd_key_tokens_total{key="alice",kind="generated"} 4',
  ]);
});

test("What is no usage is none.", () => {
  for (const text of ["", '"usage":null,"prompt_tokens":3', '"usage":"x"'])
    expect(readUsage(text)).toBeUndefined();
  expect(readUsage(`"usage":{"prompt_tokens":"3"}`)).toEqual({});
});
