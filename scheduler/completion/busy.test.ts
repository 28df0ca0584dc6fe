import { expect, test } from "vitest";
import { ask, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  DONE,
  type EngineCall,
  EVENTS,
  goodDecode,
  goodPrefill,
  PLAIN_ANSWER,
  type Script,
} from "../testing/engine.ts";
import { type Overrides, operator, startRig } from "../testing/rig.ts";

/** What vLLM says when its queue is full, its backlog of prompts is, and when it has paused. */
const BUSY = [
  {
    message:
      "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.",
    type: "Service Unavailable",
  },
  {
    message:
      "The engine has reached its prefill token backlog limit. Please try again later or on a different instance.",
    type: "Service Unavailable",
  },
  { message: "Generation is paused; please retry", type: "ServiceUnavailableError" },
];
const says =
  (error: object): Script =>
  (call) =>
    answerJson(
      call,
      JSON.stringify({ error: { ...error, param: null, code: 503 } }),
      "503 Service Unavailable",
    );
const [first = {}] = BUSY;
const busy = says(first);
const ADMIN: Overrides = { admin: [{ port: 0 }] };

test.for(BUSY)(
  "Rule 40: prefill that says $message is no fault, and another instance is asked.",
  async (error) => {
    const one = await startRig({ prefill: [says(error), says(error), goodPrefill] }, ADMIN);

    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await ask(one.port, post(PLAIN)));

    expect(answers.map(({ status, body }) => [status, body])).toEqual(Array(6).fill([200, PLAIN_ANSWER]));
    const { instances } = await operator(one).state();
    expect(instances.map(({ ready, failures }) => [ready, failures])).toEqual(Array(4).fill([true, 0]));
  },
);

test.for([PLAIN, STREAM])(
  "Rule 40: another decode instance than one that is busy gets parameters that no other has refused (%s).",
  async (body) => {
    let made = 0;
    const numbered: Script = (call) => answerJson(call, `{"kv_transfer_params":{"made":${made++}}}`);
    const one = await startRig({ prefill: [numbered], decode: [busy, busy, goodDecode] }, ADMIN);
    const before = one.decode.map(({ calls }) => calls.length);

    const answer = await ask(one.port, post(body));

    expect(before).toEqual([0, 0, 0]);
    expect(answer.status).toBe(200);
    const asked = one.decode.flatMap(({ calls }) => calls.map((call) => JSON.parse(call.body)));
    expect(asked.map(({ kv_transfer_params: { made } }) => made)).toEqual([0, 1, 2].slice(0, asked.length));
    expect(asked.map(({ prompt }) => prompt)).toEqual(asked.map(() => "hi"));
    const { retries } = JSON.parse((await one.logged(1)).text);
    expect(retries ?? 0).toBe(asked.length - 1);
  },
);

test.for(["prefill", "decode"] as const)(
  "Rule 40: where every %s instance is busy the client is told so, and when to come again.",
  async (role) => {
    const one = await startRig({ [role]: [busy, busy, busy] }, ADMIN);

    const answer = await ask(one.port, post(STREAM));

    expect([answer.status, answer.header("retry-after")]).toEqual([503, "1"]);
    expect(answer.json().error.message).toContain("on a different instance");
    expect(one[role].map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect((await ask(one.port, get("/readyz"))).status).toBe(200);
    await until(async () => (await operator(one).stateOf("prefill-0"))?.kvHeld === 0);
  },
);

test("Rule 40: the KV cache that a busy decode instance has refused is free, and no request releases it.", async () => {
  const one = await startRig({ decode: [busy] }, { ...ADMIN, kvLeaseMs: 600_000 });

  await ask(one.port, post(PLAIN));

  await until(async () => (await operator(one).stateOf("prefill-0"))?.kvHeld === 0);
  expect(one.decode[0]?.calls).toHaveLength(1);
});

test("Rule 40: each of several samples finds an instance that is not busy.", async () => {
  const answers: Script = (call) =>
    answerJson(call, `{"id":"d","choices":[{"index":0,"text":"${JSON.parse(call.body).n}"}]}`);
  const one = await startRig({ decode: [busy, answers] });

  const answer = await ask(one.port, post('{"prompt":"x","n":3}'));

  expect(answer.json().choices).toHaveLength(3);
});

test("Rule 40: an instance that is busy after its first event ends the answer.", async () => {
  const late = `data: ${JSON.stringify({ error: { ...first, code: 503 } })}\n\n`;
  const script = (call: EngineCall) => answerEvents(call, EVENTS[0] ?? "", late, DONE);
  const one = await startRig({ decode: [script, script] });

  const answer = await ask(one.port, post(STREAM));

  expect(answer.body).toContain("on a different instance");
  expect(answer.body).not.toContain("[DONE]");
  expect(one.decode.flatMap(({ calls }) => calls)).toHaveLength(1);
});
