import { expect, test } from "vitest";
import { ask, client, post } from "../testing/client.ts";
import { answerEvents, answerJson, type EngineCall, goodPrefill, type Script } from "../testing/engine.ts";
import { type Overrides, startRig } from "../testing/rig.ts";

const CHAT = "/v1/chat/completions";
const DONE = "data: [DONE]\n\n";

const bodyOf = ({ body }: EngineCall) => JSON.parse(body);
const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
const common = (created: number) => ({ id: `cmpl-${created}`, object: "o", created, model: "m" });

/** An event of a completion as vLLM writes it. */
function text(created: number, text: string, ids: readonly number[] | null, more: object = {}) {
  const {
    stop_reason = null,
    finish_reason = null,
    prompt = null,
    ...rest
  } = { ...more } as Record<string, unknown>;
  const choice = { index: 0, text, logprobs: null, finish_reason, stop_reason, prompt_token_ids: prompt };
  return event({ ...common(created), choices: [{ ...choice, token_ids: ids }], ...rest });
}

const BACK = { finish_reason: "stop", stop_reason: "recomputed" };
const back = (created: number) => text(created, "", [], BACK);

/** An event of a chat. */
function delta(created: number, delta: object, ids: readonly number[] | null, end: object = {}) {
  const choice = { index: 0, delta, logprobs: null, finish_reason: null, ...end };
  return event({ ...common(created), choices: [{ ...choice, token_ids: ids }] });
}

function role(created: number, prompt: readonly number[] | null) {
  const choice = { index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null };
  return event({ ...common(created), choices: [choice], prompt_token_ids: prompt, prompt_text: null });
}

function usage(created: number, prompt: number, completion: number, more: object = {}) {
  const counts = { prompt_tokens: prompt, total_tokens: prompt + completion, completion_tokens: completion };
  return event({ ...common(created), choices: [], usage: { ...counts, ...more } });
}

/** Decode that answers its nth question by the nth of `legs`, or the last, and knows what tokens are. */
function decode(legs: readonly (readonly string[] | object)[], tokens: Record<string, string> = {}): Script {
  let at = 0;
  return (call) => {
    if (call.path === "/detokenize") {
      answerJson(call, JSON.stringify({ prompt: tokens[bodyOf(call).tokens.join()] ?? "?" }));
      return;
    }
    const leg = legs[Math.min(at++, legs.length - 1)] ?? [];
    if (Array.isArray(leg)) answerEvents(call, ...leg);
    else answerJson(call, JSON.stringify(leg));
  };
}

const rig = (script: Script, overrides: Overrides = {}) =>
  startRig({ prefill: [goodPrefill], decode: [script] }, { handoff: "MooncakeConnectorV1", ...overrides });

const ofPath = (calls: readonly EngineCall[], path: string) => calls.filter((call) => call.path === path);

test("A stream that is not given back is byte for byte what it is without ids, and decode alone is asked for them.", async () => {
  const stream = (prompt: number[] | null, ids: number[] | null) => [
    role(1, prompt),
    delta(1, { content: 'a "token_ids":[7] b' }, ids),
    delta(1, { content: "c" }, ids, { finish_reason: "length", stop_reason: null }),
    usage(1, 3, 2),
    DONE,
  ];
  const one = await rig(decode([stream([1, 2, 3], [4])]));

  const answer = await ask(one.port, post('{"messages":[],"stream":true}', CHAT));

  expect(answer.body).toBe(stream(null, null).join(""));
  expect(one.decode[0]?.calls.map(bodyOf)).toMatchObject([{ return_token_ids: true }]);
  expect(one.prefill[0]?.calls.map(bodyOf)[0]).not.toHaveProperty("return_token_ids");
});

test("Events that are there for their ids alone reach no client.", async () => {
  const one = await rig(
    decode([
      [role(1, [1]), delta(1, {}, [5]), delta(1, { content: "x" }, [6], { finish_reason: "stop" }), DONE],
    ]),
  );

  const answer = await ask(one.port, post('{"messages":[],"stream":true}', CHAT));

  expect(answer.body).toBe(
    role(1, null) + delta(1, { content: "x" }, null, { finish_reason: "stop" }) + DONE,
  );
});

test("A chat goes on: the same messages and the ids on both legs, what is left of the limits, one role, one identity.", async () => {
  const legs = [
    [
      role(1, [1, 2]),
      delta(1, { content: "a" }, [3]),
      delta(1, { content: "" }, [], BACK),
      usage(1, 2, 1),
      DONE,
    ],
    [
      role(2, [1, 2, 3]),
      delta(2, { content: "b" }, [4]),
      delta(2, { content: "c" }, [5], { finish_reason: "length" }),
      usage(2, 3, 2, { prompt_tokens_details: { cached_tokens: 3 } }),
      DONE,
    ],
  ];
  const one = await rig(decode(legs));
  const body =
    '{"messages":[{"role":"user", "content":"\\u0041"}],"max_completion_tokens":3,"min_tokens":2,"stream":true}';

  const answer = await ask(one.port, post(body, CHAT));

  expect(answer.body).toBe(
    role(1, null) +
      delta(1, { content: "a" }, null) +
      delta(1, { content: "b" }, null) +
      delta(1, { content: "c" }, null, { finish_reason: "length" }) +
      usage(1, 2, 3, { prompt_tokens_details: { cached_tokens: 2 } }) +
      DONE,
  );
  const again = one.decode[0]?.calls[1];
  expect(again?.body).toContain('"messages":[{"role":"user", "content":"\\u0041"}]');
  expect(again && bodyOf(again)).toMatchObject({
    max_completion_tokens: 2,
    min_tokens: 1,
    return_token_ids: true,
    kv_transfer_params: { _vllm_ascend_recompute_token_ids: [1, 2, 3], remote_engine_id: "e-1" },
  });
  const prefill = one.prefill[0]?.calls[1];
  expect(prefill && bodyOf(prefill)).toMatchObject({
    max_completion_tokens: 1,
    min_tokens: 1,
    kv_transfer_params: { _vllm_ascend_recompute_token_ids: [1, 2, 3], do_remote_decode: true },
  });
  expect((await one.logged(1)).text).toContain('"givenBack":1');
});

test("A completion goes on from ids in place of its prompt, and without a limit of its own from vLLM's.", async () => {
  const legs = [
    [text(1, "a", [3], { prompt: [1, 2] }), back(1), DONE],
    [text(2, "b", [4], { prompt: [1, 2, 3] }), back(2), DONE],
    [text(3, "c", [5], { prompt: [1, 2, 3, 4], finish_reason: "stop" }), DONE],
  ];
  const one = await rig(decode(legs));

  const answer = await ask(one.port, post('{"prompt":"hi","truncate_prompt_tokens":2,"stream":true}'));

  expect(answer.body).toBe(
    text(1, "a", null) + text(1, "b", null) + text(1, "c", null, { finish_reason: "stop" }) + DONE,
  );
  const asked = (calls: readonly EngineCall[] = []) => calls.map(bodyOf).slice(1);
  expect(asked(one.decode[0]?.calls)).toMatchObject([
    { prompt: [1, 2, 3], max_tokens: 15 },
    { prompt: [1, 2, 3, 4], max_tokens: 14 },
  ]);
  expect(asked(one.prefill[0]?.calls)).toMatchObject([{ prompt: [1, 2, 3] }, { prompt: [1, 2, 3, 4] }]);
  expect(one.decode[0]?.calls[1]?.body).not.toContain("truncate");
});

test("A client that asks for ids gets those of the whole, streamed and plain.", async () => {
  const streamed = await rig(
    decode([
      [text(1, "a", [3], { prompt: [1, 2] }), back(1), DONE],
      [text(2, "b", [4], { prompt: [1, 2, 3], finish_reason: "stop" }), DONE],
    ]),
  );
  const plain = await rig(
    decode([whole(1, "a", [3], [1, 2], BACK), whole(2, "b", [4], [1, 2, 3])], { 3: "a" }),
  );

  const events = await ask(streamed.port, post('{"prompt":"hi","return_token_ids":true,"stream":true}'));
  const answer = await ask(plain.port, post('{"prompt":"hi","return_token_ids":true}'));

  expect(events.body).toBe(
    text(1, "a", [3], { prompt: [1, 2] }) + text(1, "b", [4], { finish_reason: "stop" }) + DONE,
  );
  expect(answer.json()).toMatchObject({
    choices: [{ text: "ab", token_ids: [3, 4], prompt_token_ids: [1, 2] }],
  });
});

/** A plain answer to a completion. */
function whole(created: number, text: string, ids: number[], prompt: number[], end: object = {}) {
  const choice = { index: 0, text, logprobs: null, finish_reason: "length", stop_reason: null, ...end };
  const counts = {
    prompt_tokens: prompt.length,
    total_tokens: prompt.length + ids.length,
    completion_tokens: ids.length,
  };
  const choices = [{ ...choice, token_ids: ids, prompt_logprobs: null, prompt_token_ids: prompt }];
  return { ...common(created), choices, usage: counts };
}

test("Plain answers are one, with the usage of the whole and no id of a token.", async () => {
  const one = await rig(
    decode([whole(1, 'a"\\', [3, 4], [1, 2], BACK), whole(2, "é", [5], [1, 2, 3, 4])], { "3,4": "a" }),
  );

  const answer = await ask(one.port, post('{"prompt":"hi","max_tokens":3}'));

  expect(answer.json()).toEqual({
    ...common(1),
    choices: [
      {
        index: 0,
        text: 'a"\\é',
        logprobs: null,
        finish_reason: "length",
        stop_reason: null,
        token_ids: null,
        prompt_logprobs: null,
        prompt_token_ids: null,
      },
    ],
    usage: { prompt_tokens: 2, total_tokens: 5, completion_tokens: 3 },
  });
});

test("Tokens whose text nobody has seen are made anew: of a character that is not whole, or held back by a parser.", async () => {
  const one = await rig(
    decode([
      [text(1, "a", [3], { prompt: [1] }), text(1, "", [4]), text(1, "", [5]), back(1), DONE],
      [text(2, "", [4], { prompt: [1, 3] }), text(2, "é", [6], { finish_reason: "stop" }), DONE],
    ]),
  );

  const answer = await ask(one.port, post('{"prompt":"hi","max_tokens":9,"stream":true}'));

  expect(answer.body).toContain(text(1, "é", null, { finish_reason: "stop" }));
  expect(one.decode[0]?.calls.map(bodyOf)[1]).toMatchObject({ prompt: [1, 3], max_tokens: 8 });
});

test("Where a character may end within the last event, an engine is asked, and it is made anew.", async () => {
  const one = await rig(
    decode(
      [
        [text(1, "ab", [3, 4, 5], { prompt: [1] }), back(1), DONE],
        [text(2, "é", [6], { prompt: [1, 3, 4], finish_reason: "stop" }), DONE],
      ],
      { "3,4,5": "ab\ufffd", "3,4": "ab" },
    ),
  );

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}'));

  expect(answer.body).toContain(text(1, "é", null, { finish_reason: "stop" }));
  expect(ofPath(one.decode[0]?.calls ?? [], "/detokenize").map(bodyOf)).toEqual([
    { tokens: [3, 4, 5] },
    { tokens: [3, 4] },
  ]);
});

test("Tokens that come with the end itself are not lost.", async () => {
  const one = await rig(
    decode([
      [text(1, "a", [3], { prompt: [1] }), text(1, "b", [4], BACK), DONE],
      [text(2, "c", [5], { prompt: [1, 3, 4], finish_reason: "stop" }), DONE],
    ]),
  );

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}'));

  expect(answer.body).toBe(
    text(1, "a", null) + text(1, "b", null) + text(1, "c", null, { finish_reason: "stop" }) + DONE,
  );
});

test("Reasoning tokens of all legs are told together.", async () => {
  const details = (count: number) => ({ completion_tokens_details: { reasoning_tokens: count } });
  const one = await rig(
    decode([
      [
        role(1, [1]),
        delta(1, { reasoning: "a" }, [3]),
        delta(1, {}, [], BACK),
        usage(1, 1, 1, details(1)),
        DONE,
      ],
      [
        role(2, [1, 3]),
        delta(2, { reasoning: "b" }, [4]),
        delta(2, { content: "c" }, [5], { finish_reason: "stop" }),
        usage(2, 2, 2, details(1)),
        DONE,
      ],
    ]),
  );

  const answer = await ask(one.port, post('{"messages":[],"stream":true}', CHAT));

  expect(answer.body).toContain(usage(1, 1, 3, details(2)));
});

/** One error event behind what the client has, and no false end. */
function expectOneError(body: string, words: string): void {
  const events = body.split("\n\n").filter((one) => one !== "");
  expect(JSON.parse(events.at(-1)?.slice(6) ?? "").error).toMatchObject({
    code: "given_back",
    message: expect.stringContaining(words),
  });
  expect(events.filter((one) => one.includes('"error"'))).toHaveLength(1);
  expect(body).not.toContain("[DONE]");
  expect(body).not.toContain("recomputed");
}

test("An engine that goes on from other tokens ends the stream with one error.", async () => {
  const one = await rig(
    decode([
      [role(1, [1, 2]), delta(1, { content: "a" }, [3]), delta(1, { content: "" }, [], BACK), DONE],
      [role(2, [1, 2]), delta(2, { content: "b" }, [4]), DONE],
    ]),
  );

  const answer = await ask(one.port, post('{"messages":[],"stream":true}', CHAT));

  expectOneError(answer.body, "other tokens");
  expect(answer.body).not.toContain('"b"');
});

test("A plain answer of an engine that goes on from other tokens is begun anew.", async () => {
  const chat = (content: string, prompt: readonly number[], end: object) => ({
    ...common(1),
    choices: [{ index: 0, message: { role: "assistant", content }, ...end, token_ids: [3] }],
    prompt_token_ids: prompt,
  });
  const end = { finish_reason: "stop", stop_reason: null };
  const one = await rig(decode([chat("a", [1], BACK), chat("x", [1], end), chat("abc", [1], end)]));

  const answer = await ask(one.port, post('{"messages":[]}', CHAT));

  expect(answer.json()).toMatchObject({ choices: [{ message: { content: "abc" } }] });
});

test("An engine that does not tell all tokens, as of reasoning that is hidden, ends the stream with one error.", async () => {
  const one = await rig(
    decode([[role(1, [1]), delta(1, { content: "a" }, null), delta(1, { content: "" }, null, BACK), DONE]]),
  );

  const answer = await ask(one.port, post('{"messages":[],"stream":true}', CHAT));

  expectOneError(answer.body, "not known");
});

test("A chat with pictures ends with one error: ids do not tell them.", async () => {
  const one = await rig(
    decode([[role(1, [1]), delta(1, { content: "a" }, [3]), delta(1, { content: "" }, [], BACK), DONE]]),
  );
  const content = '[{"type":"image_url", "image_url" : {"url":"x"}}]';

  const answer = await ask(
    one.port,
    post(`{"messages":[{"role":"user","content":${content}}],"stream":true}`, CHAT),
  );

  expectOneError(answer.body, "messages");
});

test("A client that leaves while its answer is asked for again leaves nothing running.", async () => {
  const one = await rig(decode([[text(1, "a", [3], { prompt: [1] }), back(1), DONE]]));
  const [engine] = one.decode;
  if (engine === undefined) throw new Error("no decode");
  const first = engine.script;
  engine.script = (call) => (engine.calls.length === 1 ? first(call) : undefined);
  const leaving = await client(one.port);
  leaving.send(post('{"prompt":"hi","stream":true}'));
  const again = await engine.call(2);

  leaving.socket.destroy();
  await again.closed;

  expect((await one.logged(1)).outcome).toBe("client_left");
});

const UNFIT = [
  ['"response_format":{"type":"json_object"}', "response_format"],
  ['"structured_outputs":{"regex":"a"}', "structured_outputs"],
  ['"tools":[{}],"tool_choice":"required"', "tool_choice"],
  ['"presence_penalty":0.5', "presence_penalty"],
  ['"stop":["ab"]', "stop"],
  ['"bad_words":["x"]', "bad_words"],
] as const;

test.each(UNFIT)(
  "With %s a stream ends with one error, and a plain answer is begun anew.",
  async (asked, key) => {
    const chat = (created: number, content: string, end: object) => ({
      ...common(created),
      choices: [
        { index: 0, message: { role: "assistant", content }, finish_reason: "stop", ...end, token_ids: [3] },
      ],
      prompt_token_ids: [1],
    });
    const streamed = await rig(
      decode([[role(1, [1]), delta(1, { content: "a" }, [3]), delta(1, { content: "" }, [], BACK), DONE]]),
    );
    const plain = await rig(decode([chat(1, "a", BACK), chat(2, "abc", {})]));

    const events = await ask(streamed.port, post(`{"messages":[],"stream":true,${asked}}`, CHAT));
    const answer = await ask(plain.port, post(`{"messages":[],${asked}}`, CHAT));

    expectOneError(events.body, key);
    expect(answer.json()).toMatchObject({ choices: [{ message: { content: "abc" } }] });
    expect(plain.decode[0]?.calls.map(bodyOf)[1]).toEqual(plain.decode[0]?.calls.map(bodyOf)[0]);
  },
);

test.each(["0", "null", '["\\n"]', '"x"'])("A stream with %s as `stop` goes on.", async (stop) => {
  const one = await rig(
    decode([
      [text(1, "a", [3], { prompt: [1] }), back(1), DONE],
      [text(2, "b", [4], { prompt: [1, 3], finish_reason: "stop" }), DONE],
    ]),
  );

  const answer = await ask(one.port, post(`{"prompt":"hi","stream":true,"stop":${stop}}`));

  expect(answer.body).toContain(text(1, "b", null, { finish_reason: "stop" }));
});

test("A stream in which a call of a tool has begun ends with one error; one that only may have tools goes on.", async () => {
  const call = { tool_calls: [{ index: 0, function: { name: "f", arguments: "" } }] };
  const end = [delta(1, { content: "" }, [], BACK), DONE];
  const begun = await rig(decode([[role(1, [1]), delta(1, call, [3]), ...end]]));
  const none = await rig(
    decode([
      [role(1, [1]), delta(1, { content: "a" }, [3]), delta(1, {}, [4]), ...end],
      [role(2, [1, 3]), delta(2, call, [4], { finish_reason: "tool_calls" }), DONE],
    ]),
  );
  const request = post('{"messages":[],"tools":[{}],"stream":true}', CHAT);

  const [broken, whole] = [await ask(begun.port, request), await ask(none.port, request)];

  expectOneError(broken.body, "call of a tool");
  expect(whole.body).toBe(
    role(1, null) +
      delta(1, { content: "a" }, null) +
      delta(1, call, null, { finish_reason: "tool_calls" }) +
      DONE,
  );
});

test("A plain answer with reasoning in it is begun anew.", async () => {
  const chat = (content: string | null, reasoning: string | null, end: object) => ({
    ...common(1),
    choices: [{ index: 0, message: { role: "assistant", content, reasoning }, ...end, token_ids: [3] }],
    prompt_token_ids: [1],
  });
  const one = await rig(decode([chat(null, "a", BACK), chat("c", "ab", { finish_reason: "stop" })]));

  const answer = await ask(one.port, post('{"messages":[]}', CHAT));

  expect(answer.json()).toMatchObject({ choices: [{ message: { content: "c", reasoning: "ab" } }] });
});

test("However often requests are given back, they end: a stream with one error, a plain answer with 503 and when to come again.", async () => {
  const streamed = await rig(decode([[role(1, [1]), delta(1, { content: "" }, [], BACK), DONE]]));
  const plain = await rig(decode([whole(1, "", [], [1], BACK)]));

  const events = await ask(streamed.port, post('{"messages":[],"stream":true}', CHAT));
  const answer = await ask(plain.port, post('{"prompt":"hi"}'));

  expectOneError(events.body, "33 times");
  expect([answer.status, answer.header("retry-after")]).toEqual([503, "1"]);
  expect(streamed.decode[0]?.calls).toHaveLength(33);
});

test("A stream of which the client has nothing yet fails with a status.", async () => {
  const one = await rig(decode([[text(1, "", [], { ...BACK, prompt: [1] }), DONE]]));

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true,"echo":true}'));

  expect([answer.status, answer.json().error.code]).toEqual([503, "given_back"]);
});

test("A client's own stop of that name is its end.", async () => {
  const events = [text(1, "a", [3], { prompt: [1] }), text(1, "", [4], BACK), DONE];
  const one = await rig(decode([events]));

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true,"stop":["recomputed"]}'));

  expect(answer.body).toBe(text(1, "a", null) + text(1, "", null, BACK) + DONE);
});

test("Each of several sequences goes on by itself, and the usage is that of all.", async () => {
  const first = new Set<string>();
  const one = await rig((call) => {
    const { prompt, kv_transfer_params, ...body } = bodyOf(call);
    const ids = Array.isArray(prompt) ? prompt : [prompt.length];
    const created = first.size + 1;
    if (Array.isArray(prompt)) {
      const all = [
        text(created, "z", [9], { prompt: ids, finish_reason: "length" }),
        usage(created, ids.length, 1),
        DONE,
      ];
      return answerEvents(call, ...all);
    }
    first.add(prompt);
    const all = [
      text(created, prompt, [prompt.length], { prompt: ids }),
      back(created),
      usage(created, 1, 1),
      DONE,
    ];
    return answerEvents(call, ...(body.stream === true ? all : []));
  });

  const options = '"stream_options":{"include_usage":true}';
  const answer = await ask(one.port, post(`{"prompt":["a","bb"],"max_tokens":2,"stream":true,${options}}`));

  const chunks = answer.body
    .split("\n\n")
    .filter((one) => one.startsWith("data: {"))
    .map((one) => JSON.parse(one.slice(6)));
  const textOf = (wanted: number) =>
    chunks
      .flatMap(({ choices }) => choices)
      .reduce((all, { index, text }) => (index === wanted ? all + text : all), "");
  expect([textOf(0), textOf(1)]).toEqual(["az", "bbz"]);
  expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  expect(chunks.at(-1).usage).toEqual({ prompt_tokens: 2, total_tokens: 6, completion_tokens: 4 });
  expect(answer.body).not.toContain("recomputed");
});

test("With --given-back fail no ids are asked for, and what is given back ends with one error.", async () => {
  const one = await rig(decode([[text(1, "a", null), text(1, "", null, BACK), DONE]]), { givenBack: "fail" });

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}'));

  expectOneError(answer.body, "--given-back fail");
  expect(one.decode[0]?.calls[0]?.body).not.toContain("return_token_ids");
});

test("Anthropic's API tells no tokens: a plain message is begun anew, a stream ends with one error.", async () => {
  const end = { stop_reason: "stop_sequence", stop_sequence: "recomputed" };
  const streamed = await rig(
    decode([[`event: message_delta\ndata: ${JSON.stringify({ type: "message_delta", delta: end })}\n\n`]]),
  );
  const message = (text: string, end: object) => ({
    type: "message",
    content: [{ type: "text", text }],
    ...end,
  });
  const plain = await rig(decode([message("a", end), message("ab", { stop_reason: "end_turn" })]));

  const events = await ask(
    streamed.port,
    post('{"messages":[],"max_tokens":5,"stream":true}', "/v1/messages"),
  );
  const answer = await ask(plain.port, post('{"messages":[],"max_tokens":5}', "/v1/messages"));

  expect(events.body).toContain('"code":"given_back"');
  expect(events.body).not.toContain("recomputed");
  expect(answer.json()).toMatchObject({ content: [{ text: "ab" }], stop_reason: "end_turn" });
});

test("vLLM's own connector is asked for no ids.", async () => {
  const one = await startRig();

  await ask(one.port, post('{"prompt":"hi","stream":true}'));

  expect(one.decode[0]?.calls[0]?.body).not.toContain("return_token_ids");
});
