import { expect, test } from "vitest";
import { ask, client, post, until } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  type EngineCall,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const bodyOf = (call: EngineCall) => JSON.parse(call.body);
const idOf = (call: EngineCall) => call.header("x-request-id")[0] ?? "";

/** Gives parameters that name the prompt they were made for, and how often it was asked before. */
function prefill(): Script {
  let count = 0;
  return (call) => {
    const made = { kv_transfer_params: { of: bodyOf(call).prompt ?? bodyOf(call).messages, made: count++ } };
    answerJson(call, JSON.stringify(made));
  };
}

/** Answers with its prompt, or refuses parameters that are for another one or were used before. */
function decode(): Script {
  const used = new Set<number>();
  return (call) => {
    const body = bodyOf(call);
    const { of, made } = body.kv_transfer_params;
    const prompt = body.prompt ?? body.messages;
    if (JSON.stringify(of) !== JSON.stringify(prompt) || used.has(made)) {
      answerJson(call, '{"error":{"message":"parameters of another sequence"}}', "400 Bad Request");
      return;
    }
    used.add(made);
    const text = `${JSON.stringify(prompt)} by ${body.seed ?? "chance"}`;
    const count = typeof prompt === "string" ? prompt.length : 2;
    const usage = { prompt_tokens: count, total_tokens: count + 3, completion_tokens: 3 };
    const common = { id: `cmpl-${idOf(call)}`, created: 100 + made, model: "m" };
    if (body.stream !== true) {
      answerJson(call, JSON.stringify({ ...common, choices: [{ index: 0, text }], usage, big: 1 }));
      return;
    }
    const event = (chunk: object) => `data: ${JSON.stringify({ ...common, ...chunk })}\n\n`;
    answerEvents(
      call,
      event({ choices: [{ index: 0, text: "" }] }),
      event({ choices: [{ index: 0, text }] }),
      ...(body.stream_options?.include_usage === true ? [event({ choices: [], usage })] : []),
      "data: [DONE]\n\n",
    );
  };
}

const pair = () => startRig({ prefill: [prefill()], decode: [decode()] });

interface Chunk {
  readonly id: string;
  readonly created: number;
  readonly choices: { readonly index: number; readonly text: string }[];
  readonly usage?: object;
}

const chunksOf = (body: string): Chunk[] =>
  [...body.matchAll(/^data: (\{.*)$/gm)].map(([, json = ""]) => JSON.parse(json));

test.for([
  ['["xx", "y\\u00e9"]', ["xx", "yé"]],
  [
    "[[1,2],[3,4]]",
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['["xx",[3,4]]', ["xx", [3, 4]]],
] as const)(
  "Rule 35: of the prompts %s each has legs of its own, and their answers are one.",
  async ([list, prompts]) => {
    const { port, prefill, decode } = await pair();

    const answer = await ask(port, post(`{"prompt":${list},"max_tokens":3}`));

    expect(prefill[0]?.calls.map((call) => bodyOf(call).prompt)).toEqual(prompts);
    expect(decode[0]?.calls.map((call) => bodyOf(call).prompt)).toEqual(prompts);
    expect(answer.json()).toMatchObject({
      choices: prompts.map((prompt, index) => ({ index, text: `${JSON.stringify(prompt)} by chance` })),
      usage: { prompt_tokens: 4, completion_tokens: 6, total_tokens: 10 },
      big: 1,
    });
  },
);

test("Rule 35: samples are sequences of their own, seeded as vLLM seeds them, and their prompt counts once.", async () => {
  const { port, prefill, decode } = await pair();

  const answer = await ask(
    port,
    post('{"messages":"hi","n":3,"seed":9007199254740993,"temperature":0.8}', "/v1/chat/completions"),
  );

  expect(prefill[0]?.calls.map((call) => bodyOf(call).n)).toEqual([1, 1, 1]);
  const decodes = decode[0]?.calls.map((call) => call.body) ?? [];
  expect(decodes.map((body) => /"n":(\d+)/.exec(body)?.[1])).toEqual(["1", "1", "1"]);
  expect(decodes.map((body) => /"seed":(\d+)/.exec(body)?.[1])).toEqual([
    "9007199254740993",
    "9007199254740994",
    "9007199254740995",
  ]);
  expect(answer.json()).toMatchObject({
    choices: [{ index: 0 }, { index: 1 }, { index: 2 }],
    usage: { prompt_tokens: 2, completion_tokens: 9, total_tokens: 11 },
  });
});

test("Rule 35: samples without a seed get none, nor do those with vLLM's word for it.", async () => {
  const { port, decode } = await pair();

  await ask(port, post('{"prompt":"x","n":2,"seed":-1}'));

  expect(decode[0]?.calls.map(({ body }) => /"seed":(-?\d+)/.exec(body)?.[1])).toEqual(["-1", "-1"]);
});

test("Rule 35: behind the greatest seed that a request may have come those that are the same to a generator.", async () => {
  const { port, decode } = await pair();

  await ask(port, post('{"prompt":"x","n":2,"seed":9223372036854775807}'));

  expect(decode[0]?.calls.map(({ body }) => /"seed":(-?\d+)/.exec(body)?.[1])).toEqual([
    "9223372036854775807",
    "-9223372036854775808",
  ]);
});

test("Rule 35: choices of several prompts with several samples stand in vLLM's order.", async () => {
  const { port } = await pair();

  const answer = await ask(port, post('{"prompt":["xx","y"],"n":2,"seed":5}'));

  expect(answer.json()).toMatchObject({
    choices: ['"xx" by 5', '"xx" by 6', '"y" by 5', '"y" by 6'].map((text, index) => ({ index, text })),
    usage: { prompt_tokens: 3, completion_tokens: 12, total_tokens: 15 },
  });
});

test("Rule 35: streams of several sequences are one: its id, its usage, one [DONE].", async () => {
  const { port } = await pair();

  const { body } = await ask(
    port,
    post('{"prompt":["xx","y"],"n":2,"seed":5,"stream":true,"stream_options":{"include_usage":true}}'),
  );

  const chunks = chunksOf(body);
  const textOf = (wanted: number) =>
    chunks.flatMap(({ choices }) => choices.filter(({ index }) => index === wanted)).map(({ text }) => text);
  expect([0, 1, 2, 3].map((index) => textOf(index).join(""))).toEqual([
    '"xx" by 5',
    '"xx" by 6',
    '"y" by 5',
    '"y" by 6',
  ]);
  expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  expect(chunks.filter(({ choices }) => choices.length === 0)).toEqual([
    expect.objectContaining({ usage: { prompt_tokens: 3, completion_tokens: 12, total_tokens: 15 } }),
  ]);
  expect(chunks.at(-1)?.choices).toEqual([]);
  expect(body.match(/\[DONE\]/g)).toHaveLength(1);
  expect(body.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("Rule 35: events that come one by one, each read into the same memory, are whole in the end.", async () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const events = [{ choices: [{ index: 0, text: "a" }] }, { choices: [], usage }].map(
    (chunk) => `data: ${JSON.stringify({ id: "x", ...chunk })}\n\n`,
  );
  const { port } = await startRig({
    prefill: [prefill()],
    decode: [
      async ({ socket }) => {
        socket.write(STREAM_HEAD);
        for (const event of [...events, "data: [DONE]\n\n"]) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          socket.write(chunked(event));
        }
        socket.write("0\r\n\r\n");
      },
    ],
  });

  const { body } = await ask(port, post('{"prompt":["a","b"],"stream":true}'));

  expect(chunksOf(body).map((chunk) => [chunk.choices.map(({ index }) => index), chunk.usage])).toEqual([
    [[0], undefined],
    [[1], undefined],
    [[], { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 }],
  ]);
});

test("Rule 7: each sequence has a request id of its own, with the client's in it.", async () => {
  const { port, prefill, decode } = await pair();

  const answer = await ask(port, post('{"prompt":["a","b"]}', undefined, "X-Request-Id: mine"));

  const idsOf = (calls: readonly EngineCall[] = []) => calls.map(idOf);
  expect(new Set(idsOf(prefill[0]?.calls)).size).toBe(2);
  expect(idsOf(decode[0]?.calls)).toEqual(idsOf(prefill[0]?.calls));
  for (const id of idsOf(decode[0]?.calls)) expect(id).toMatch(`${answer.header("x-request-id")}-`);
});

test.for([
  '{"prompt":"x","max_tokens":3}',
  '{"prompt":["x"],"max_tokens":3}',
  '{"prompt":[ 1, 2 ],"max_tokens":3}',
  '{"prompt":[[1,2]],"n":1,"max_tokens":3}',
  '{"prompt":[],"n":null,"max_tokens":3}',
  '{"prompt":"x","n":0,"best_of":4,"max_tokens":3}',
])("A request of one sequence reaches decode as it is: %s.", async (body) => {
  const { port, decode } = await startRig();

  await ask(port, post(body));

  expect(decode[0]?.calls.map((call) => call.body.replace(/"kv_transfer_params":\{[^}]*\},/, ""))).toEqual([
    body,
  ]);
});

test("A chat is one sequence, whatever stands in a key that only completions have.", async () => {
  const { port, decode } = await startRig();

  await ask(port, post('{"messages":[],"prompt":["a","b"]}', "/v1/chat/completions"));

  expect(decode[0]?.calls).toHaveLength(1);
});

test.for([
  ['{"prompt":["a",7]}', "`prompt` must be a text, token ids, or a list of either"],
  ['{"prompt":["a",[["b"],["c"]]]}', "`prompt` is nested too deep"],
  ['{"prompt":[[["b"],["c"]]]}', "`prompt` is nested too deep"],
  [`{"prompt":[${Array(129).fill('"a"').join()}]}`, "`prompt` may be 128 prompts at most"],
  ['{"prompt":["a","b"],"n":65}', "`prompt` asks for more than 128 answers at once"],
  ['{"prompt":"a","n":129}', "`n` asks for more than 128 answers at once"],
  ['{"prompt":"a","n":"2"}', "`n` must be a whole number"],
  ['{"prompt":"a","n":2,"seed":1.5}', "`seed` must be a whole number"],
  ['{"prompt":"a","n":2,"temperature":0.0}', "`n` must be 1 when using greedy sampling, got 2"],
  ['{"prompt":"a","use_beam_search":"yes"}', "`use_beam_search` must be true or false"],
  [
    '{"prompt":"a","prompt_embeds":"e"}',
    "`prompt_embeds` must be one prompt, and the only one: each is prefilled by itself",
  ],
  [
    '{"prompt_embeds":["e","f"]}',
    "`prompt_embeds` must be one prompt, and the only one: each is prefilled by itself",
  ],
] as const)(
  "What can neither be sent on nor be taken apart is refused with the reason: %s.",
  async ([body, message]) => {
    const { port, prefill } = await pair();

    const answer = await ask(port, post(body));

    expect(answer.status).toBe(400);
    expect(answer.json().error.message).toBe(message);
    expect(prefill[0]?.calls).toHaveLength(0);
  },
);

test("A beam search is decode's alone, without parameters: vLLM hands none on to beams.", async () => {
  const { port, prefill, decode } = await startRig();
  const body = '{"prompt":["a","b"],"n":4,"use_beam_search":true,"temperature":0}';

  const answer = await ask(port, post(body));

  expect(answer.status).toBe(200);
  expect(prefill[0]?.calls).toHaveLength(0);
  expect(decode[0]?.calls.map((call) => call.body)).toEqual([body]);
});

test("Where the prompt alone is handed over, samples stay one sequence, and prefill computes one.", async () => {
  const { port, prefill, decode } = await startRig({}, { handoff: "plain" });

  await ask(port, post('{"prompt":"a","n":3,"best_of":4}'));

  expect(prefill[0]?.calls.map(bodyOf)).toEqual([
    { prompt: "a", n: 1, best_of: 1, max_tokens: 1, stream: false },
  ]);
  expect(decode[0]?.calls.map((call) => call.body)).toEqual(['{"prompt":"a","n":3,"best_of":4}']);
});

test("One prompt that an engine refuses is the answer, and no leg of the others is left running.", async () => {
  const hung: EngineCall[] = [];
  const decode: Script = (call) => {
    if (bodyOf(call).prompt === "bad") answerJson(call, '{"error":{"message":"no"}}', "422 No");
    else hung.push(call);
  };
  const { port, log, logged } = await startRig(
    { prefill: [prefill()], decode: [decode] },
    { kvRelease: "none" },
  );

  const answer = await ask(port, post('{"prompt":["a","b","bad"]}'));
  await logged(1);
  await Promise.all(hung.map((call) => call.closed));

  expect(answer.status).toBe(422);
  expect(answer.json().error.message).toBe("no");
  expect(hung).toHaveLength(2);
  expect(log[0]?.outcome).toBe("refused_by_engine");
});

test("A stream of several of which one fails ends with one error and without [DONE].", async () => {
  const { port } = await startRig({
    prefill: [prefill()],
    decode: [
      (call) => {
        if (bodyOf(call).prompt === "a") answerEvents(call, 'data: {"choices":[{"index":0,"text":"a"}]}\n\n');
      },
    ],
  });

  const { body } = await ask(port, post('{"prompt":["a","b"],"stream":true}'));

  expect(body).toContain('"text":"a"');
  expect(body.match(/"error"/g)).toHaveLength(1);
  expect(body).not.toContain("[DONE]");
});

test("A client that leaves ends every leg of its sequences.", async () => {
  const { port, decode, logged } = await startRig({ prefill: [prefill()], decode: [() => {}] });
  const connection = await client(port);
  connection.send(post('{"prompt":["a","b","c"],"stream":true}'));
  await decode[0]?.call(3);

  connection.socket.destroy();

  await Promise.all(decode[0]?.calls.map((call) => call.closed) ?? []);
  expect((await logged(1)).outcome).toBe("client_left");
});

test("No more than sixteen sequences of a request are worked on at once.", async () => {
  const open: EngineCall[] = [];
  let most = 0;
  let left = 40;
  const good = decode();
  const answerAll = () => open.splice(0).map(good);
  const { port } = await startRig({
    prefill: [prefill()],
    decode: [
      (call) => {
        most = Math.max(most, open.push(call));
        // Later, so that one too many would be seen.
        if (--left === 0 || open.length === 16) setTimeout(answerAll, 20);
      },
    ],
  });

  const answer = await ask(port, post(`{"prompt":[${Array.from({ length: 40 }, (_, at) => `"p${at}"`)}]}`));

  expect(answer.json().choices).toHaveLength(40);
  expect(most).toBe(16);
});

test("A client that reads slowly holds all streams of its sequences back, and gets them whole.", async () => {
  const text = "x".repeat(120_000);
  const chunk = `data: {"choices":[{"index":0,"text":"${text}"}]}\n\n`;
  let written = 0;
  const { port } = await startRig({
    prefill: [prefill()],
    decode: [
      (call) => {
        call.socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
        let left = 200;
        const more = () => {
          while (left-- > 0) {
            written += chunk.length;
            if (!call.socket.write(chunk)) {
              call.socket.once("drain", more);
              return;
            }
          }
          call.socket.end("data: [DONE]\n\n");
        };
        more();
      },
    ],
  });
  const { socket } = await client(port);
  socket.pause();
  socket.write(post('{"prompt":["a","b","c","d"],"stream":true}'));
  let before = -1;
  await until(async () => {
    const same = written === before;
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return same && written > 0;
  });
  const stalled = written;

  let length = 0;
  let end = "";
  socket.removeAllListeners("data").on("data", (bytes) => {
    length += bytes.length;
    end = (end + bytes.toString("latin1")).slice(-40);
  });
  socket.resume();
  await until(() => end.endsWith("0\r\n\r\n"));

  expect(stalled).toBeLessThan(written);
  expect(length).toBeGreaterThan(4 * 200 * text.length);
  expect(end).toContain("data: [DONE]\n\n");
});

test("Answers that are too long to be held together are one error, which is no instance's fault.", async () => {
  const text = "x".repeat(900_000);
  const { port, adminPorts } = await startRig(
    {
      prefill: [prefill()],
      decode: [(call) => answerJson(call, `{"choices":[{"index":0,"text":"${text}"}]}`)],
    },
    { admin: [{ port: 0 }] },
  );

  const answer = await ask(port, post(`{"prompt":[${Array(10).fill('"a"')}]}`));

  expect(answer.status).toBe(502);
  expect(answer.json().error.message).toContain("ask for them one by one");
  const state = (await (await fetch(`http://127.0.0.1:${adminPorts[0]}/state`)).json()) as object;
  expect(JSON.stringify(state)).not.toMatch(/"(?:failed|failures)":[1-9]/);
});

test("The log names every instance that had part in the answer.", async () => {
  const { port, logged } = await startRig({
    prefill: [prefill(), prefill()],
    decode: [
      (call) => answerJson(call, '{"choices":[{"index":0}]}'),
      (call) => answerJson(call, '{"choices":[{"index":0}]}'),
    ],
  });

  await ask(port, post('{"prompt":["a","b"]}'));

  expect(await logged(1)).toMatchObject({ prefill: "prefill-0,prefill-1", decode: "decode-0,decode-1" });
});

test("A usage is read without what else stands in it, which a scan may not have seen.", async () => {
  const answerOf = `{"choices":[{"index":0}],"usage":{"prompt_tokens":1,"x":"${"x".repeat(2000)}\\x"}}`;
  const { port } = await startRig({ prefill: [prefill()], decode: [(call) => answerJson(call, answerOf)] });

  const answer = await ask(port, post('{"prompt":["a","b"]}'));

  expect(answer.status).toBe(200);
});
