import { expect, test } from "vitest";
import { ask, PLAIN, post, STREAM } from "../testing/client.ts";
import {
  answerJson,
  DONE,
  EVENTS,
  goodDecode,
  goodPrefill,
  PLAIN_ANSWER,
  type Script,
} from "../testing/engine.ts";
import { type Overrides, startRig } from "../testing/rig.ts";

const PLAIN_HANDOFF: Overrides = { handoff: "plain" };
const noParams: Script = (call) => answerJson(call, '{"id":"p"}');

test("Plain handoff: prefill computes one token, then decode gets what the client wrote.", async () => {
  const body = '{ "prompt":"x","max_tokens" : 5, "stream":true,"stream_options":{"include_usage":true}}\n';
  const { port, prefill, decode, logged } = await startRig({ prefill: [noParams] }, PLAIN_HANDOFF);

  const answer = await ask(port, post(body, "/v1/chat/completions"));

  expect(answer.body).toBe(EVENTS.join("") + DONE);
  expect(prefill[0]?.calls[0]?.body).toBe('{ "prompt":"x","max_tokens" : 1, "stream":false}\n');
  expect(decode[0]?.calls[0]?.body).toBe(body);
  expect(await logged(1)).not.toHaveProperty("recomputed");
});

test("Plain handoff: parameters that prefill gives all the same are not carried over.", async () => {
  const { port, decode } = await startRig({ prefill: [goodPrefill] }, PLAIN_HANDOFF);

  await ask(port, post(PLAIN));

  expect(decode[0]?.calls[0]?.body).toBe(PLAIN);
});

test("Plain handoff: a prefill without parameters is no failure where missing ones would be.", async () => {
  const { port } = await startRig({ prefill: [noParams] }, { ...PLAIN_HANDOFF, missingKvParams: "fail" });

  const answer = await ask(port, post(PLAIN));

  expect([answer.status, answer.body]).toEqual([200, PLAIN_ANSWER]);
});

test.for([
  { how: "fails", prefill: ((call) => answerJson(call, "{}", "500 No")) as Script, status: 500 },
  {
    how: "is cut",
    prefill: (({ socket }) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")) as Script,
    status: 502,
  },
  {
    how: "answers with a page",
    prefill: ((call) => answerJson(call, "<html></html>")) as Script,
    status: 502,
  },
])("Plain handoff: decode is not asked when prefill $how.", async ({ prefill, status }) => {
  const { port, decode } = await startRig({ prefill: [prefill], decode: [goodDecode] }, PLAIN_HANDOFF);

  const answer = await ask(port, post(STREAM));

  expect(answer.status).toBe(status);
  expect(decode[0]?.calls).toEqual([]);
});
