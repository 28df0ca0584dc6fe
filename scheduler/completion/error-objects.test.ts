import { expect, test } from "vitest";
import { ask, PLAIN, post, STREAM } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  DONE,
  type EngineCall,
  EVENTS,
  goodPrefill,
  type Script,
} from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const [FIRST = ""] = EVENTS;
const ERROR = { message: "prompt too long", type: "BadRequestError", param: null, code: 400 };
/** An error as engines write it, so that each is one and says `ERROR`. */
const FORMS = [
  { form: "OpenAI's", text: JSON.stringify({ error: ERROR }) },
  { form: "vLLM 0's", text: JSON.stringify({ object: "error", ...ERROR }) },
  { form: "vLLM 0's with white space", text: JSON.stringify({ object: "error", ...ERROR }, null, 1) },
  {
    form: "vLLM 0's in escaped spelling",
    text: JSON.stringify({ object: "error", ...ERROR })
      .replace("object", "\\u006fbject")
      .replace('"error"', '"\\u0065\\u0072\\u0072\\u006F\\u0072"'),
  },
  {
    form: "OpenAI's in escaped spelling",
    text: JSON.stringify({ error: ERROR }).replace("error", "err\\u006fr"),
  },
];
/** As one event, a data line for each line. */
const event = (text: string) => `${text.replace(/^/gm, "data: ")}\n\n`;

/** Resolves with what a client is answered, and with what is logged of it. */
async function answered(request: string, engines: { prefill?: Script; decode?: Script }) {
  const { prefill = goodPrefill, decode } = engines;
  const one = await startRig({ prefill: [prefill], ...(decode && { decode: [decode] }) });
  const answer = await ask(one.port, request);
  return { answer, entry: await one.logged(1), calls: one.decode[0]?.calls ?? [] };
}

test.for(FORMS)(
  "Prefill's 200 with an error in $form form is its refusal, and decode is not asked.",
  async ({ text }) => {
    const prefill: Script = (call) => answerJson(call, text);

    const { answer, entry, calls } = await answered(post(STREAM), { prefill });

    expect([answer.status, answer.json()]).toEqual([400, { error: ERROR }]);
    expect(entry.outcome).toBe("refused_by_engine");
    expect(calls).toEqual([]);
  },
);

test.for(FORMS)("Decode's plain 200 with an error in $form form is its refusal.", async ({ text }) => {
  const decode: Script = (call) => answerJson(call, text);

  const { answer, entry } = await answered(post(PLAIN), { decode });

  expect([answer.status, answer.json()]).toEqual([400, { error: ERROR }]);
  expect(entry.outcome).toBe("refused_by_engine");
});

test.for(FORMS)(
  "An error event in $form form before any other is an answer with its status.",
  async ({ text }) => {
    const decode: Script = (call) => answerEvents(call, event(text), DONE);

    const { answer, entry } = await answered(post(STREAM), { decode });

    expect([answer.status, answer.json()]).toEqual([400, { error: ERROR }]);
    expect(entry.outcome).toBe("refused_by_engine");
  },
);

test.for(
  FORMS.flatMap((form) => [
    { ...form, end: DONE },
    { ...form, end: "" },
  ]),
)("An error event in $form form behind others is told once, with $end behind it.", async ({ text, end }) => {
  const decode: Script = (call) => answerEvents(call, FIRST + event(text) + end);

  const { answer, entry } = await answered(post(STREAM), { decode });

  expect(answer.body).toBe(`${FIRST}data: ${JSON.stringify({ error: ERROR })}\n\n`);
  expect(answer.whole).toBe(true);
  expect(entry.outcome).toBe("refused_by_engine");
});

test.for([
  { code: undefined, status: 502, outcome: "failed" },
  { code: null, status: 502, outcome: "failed" },
  { code: "context_length", status: 502, outcome: "failed" },
  { code: 200, status: 502, outcome: "failed" },
  { code: 500, status: 500, outcome: "failed" },
  { code: "429", status: 429, outcome: "refused_by_engine" },
  { code: 503, status: 503, outcome: "refused_by_engine" },
])("A 200 with an error of code $code is a $status.", async ({ code, status, outcome }) => {
  const says: Script = (call) => answerJson(call, JSON.stringify({ error: { message: "no", code } }));

  const prefill = await answered(post(PLAIN), { prefill: says });
  const decode = await answered(post(PLAIN), { decode: says });

  expect([prefill.answer.status, decode.answer.status]).toEqual([status, status]);
  expect([prefill.answer, decode.answer].map((one) => one.json().error.message)).toEqual(["no", "no"]);
  const expected = (role: string) => (outcome === "failed" ? `${role}_failed` : outcome);
  expect([prefill.entry.outcome, decode.entry.outcome]).toEqual([expected("prefill"), expected("decode")]);
});

test.for([
  '{"error":null,"choices":[{"text":"\\"error\\""}]}',
  '{"object":"text_completion","choices":[{"text":"{\\"object\\":\\"error\\"}"}]}',
  '{"choices":[{"object":"error","error":{"message":"x"}}]}',
  '{"object":["error"],"id":"error"}',
  `{"object":"${"error".repeat(20)}","t":"\\u0065"}`,
])("%s is an answer, and an event, that only looks like an error.", async (text) => {
  const decode = (call: EngineCall) =>
    call.body.includes('"stream":true') ? answerEvents(call, event(text), DONE) : answerJson(call, text);

  const plain = await answered(post(PLAIN), { decode });
  const stream = await answered(post(STREAM), { decode });

  expect([plain.answer.status, plain.answer.body]).toEqual([200, text]);
  expect(stream.answer.body).toBe(event(text) + DONE);
});

test("An error over 64 KiB is one whose words are not read.", async () => {
  const text = JSON.stringify({ error: { message: "x".repeat(65 * 1024), code: 400 } });

  const { answer } = await answered(post(STREAM), {
    decode: (call) => answerEvents(call, FIRST, event(text)),
  });

  const told = { message: "The decode instance failed", type: "server_error", param: null };
  expect(answer.body).toBe(
    `${FIRST}data: ${JSON.stringify({ error: { ...told, code: "decode_failed" } })}\n\n`,
  );
});

test.for([
  { how: "alone", texts: [DONE] },
  { how: "behind comments", texts: [": ping\n\n", `: ping\n\n${DONE}`] },
  { how: "behind events without data", texts: [`event: x\nid: 1\n\n${DONE}`] },
  { how: "before events", texts: [DONE + FIRST, FIRST] },
])("Rule 13: a stream of [DONE] $how is a 502.", async ({ texts }) => {
  const { answer, entry } = await answered(post(STREAM), { decode: (call) => answerEvents(call, ...texts) });

  expect([answer.status, answer.json().error.code]).toEqual([502, "decode_failed"]);
  expect(entry).toMatchObject({ outcome: "decode_failed", detail: "its stream has no event before [DONE]" });
});
