import { expect, test } from "vitest";
import { ask, client, PLAIN, post, STREAM } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  DONE,
  type EngineCall,
  EVENTS,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

const [FIRST = "", SECOND = ""] = EVENTS;

/** What a client gets when decode answers a streaming request like this. */
async function streamed(script: Script) {
  const { port, logged } = await startRig({ decode: [script] });
  const answer = await ask(port, post(STREAM));
  return { answer, entry: await logged(1) };
}

const raw =
  (...pieces: string[]): Script =>
  (call) => {
    for (const piece of pieces) call.socket.write(Buffer.from(piece, "latin1"));
    call.socket.end();
  };

test("Rule 9: a complete event is passed on at once, an incomplete one waits for its end.", async () => {
  let call: EngineCall | undefined;
  const { port, decode } = await startRig({
    decode: [
      (one) => {
        call = one;
        one.socket.write(STREAM_HEAD + chunked(FIRST + SECOND.slice(0, 10)));
      },
    ],
  });
  const connection = await client(port);

  connection.send(post(STREAM));
  await decode[0]?.call(1);
  const early = await connection.received((text) => text.includes(FIRST));
  call?.socket.write(chunked(SECOND.slice(10)) + chunked(DONE));
  const answer = await connection.answer();

  expect(early).toMatch(/\n\n\r\n$/);
  expect(answer.body).toBe(FIRST + SECOND + DONE);
});

test.for([
  { name: "CRLF", text: "data: a\r\n\r\ndata: [DONE]\r\n\r\n" },
  { name: "CR", text: "data: a\r\rdata: [DONE]\r\r" },
  { name: "mixed line ends", text: "data: a\r\n\ndata: b\n\r\ndata: c\r\n\rdata: [DONE]\n\n" },
  { name: "comments", text: ": hello\n\ndata: a\n\n: ping\n\ndata: [DONE]\n\n" },
  { name: "other fields", text: "event: x\nid: 1\nretry: 5\ndata: a\n\ndata: [DONE]\n\n" },
  { name: "multi-line data", text: "data: a\ndata: b\ndata\ndata:\n\ndata:[DONE]\n\n" },
  { name: "blank lines", text: "\n\ndata: a\n\n\n\n\ndata: [DONE]\n\n" },
  { name: "UTF-8", text: 'data: {"t":"é漢😀"}\n\ndata: [DONE]\n\n' },
  { name: "bytes that are not UTF-8", text: "data: \xff\xfe\n\ndata: [DONE]\n\n" },
])("Rule 9: a stream with $name arrives as it is, wherever it is cut.", async ({ text }) => {
  const bytes = Buffer.from(text, /[\u0100-\uffff]/.test(text) ? "utf8" : "latin1");
  const { port } = await startRig({
    decode: [
      async (call) => {
        call.socket.write(STREAM_HEAD);
        for (const byte of bytes) {
          call.socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")]));
          await new Promise((resolve) => setImmediate(resolve));
        }
        call.socket.write("0\r\n\r\n");
      },
    ],
  });

  const answer = await ask(port, post(STREAM));

  expect(answer.whole).toBe(true);
  expect(Buffer.from(answer.body)).toEqual(Buffer.from(bytes.toString()));
});

test("Rule 9: a stream whose end is the end of the connection is relayed.", async () => {
  const { answer } = await streamed(raw(`HTTP/1.1 200 OK\r\n\r\n${FIRST}${DONE}`));

  expect(answer.body).toBe(FIRST + DONE);
});

test("Rule 6: kv_transfer_params in an event, in any spelling, does not reach the client.", async () => {
  const { answer } = await streamed((call) =>
    answerEvents(
      call,
      'id: 1\ndata: {"a":1,"kv_transfer_params":{"h":1},"seed":9007199254740993}\n\n',
      'data: {"text":"kv_transfer_params \\u00e9"}\n\n',
      'data: {"\\u006bv_transfer_params":null}\n\n',
      DONE,
    ),
  );

  expect(answer.body).toBe(
    'id: 1\ndata: {"a":1,"seed":9007199254740993}\n\n' +
      'data: {"text":"kv_transfer_params \\u00e9"}\n\n' +
      `data: {}\n\n${DONE}`,
  );
});

test.for([
  ["an encoder's parameters", '{"ec_transfer_params":{"h":"10.9.8.7"},"a":1}', '{"a":1}'],
  ["nested in a choice", '{"choices":[{"kv_transfer_params":{"h":"10.9.8.7"}}]}', '{"choices":[{}]}'],
  ["behind null", '{"ec_transfer_params":null,"kv_transfer_params":{"h":1}}', '{"ec_transfer_params":null}'],
  ["behind a byte order mark", '\ufeff{"kv_transfer_params":{"h":"10.9.8.7"}}', "\ufeff{}"],
  ["null", '{"a":1,"kv_transfer_params":null}', '{"a":1,"kv_transfer_params":null}'],
] as const)(
  "Rule 37: of parameters in a last chunk, %s, the client sees no address.",
  async ([, data, seen]) => {
    const { answer } = await streamed((call) =>
      answerEvents(call, `\ufeffdata: ${data}\n\n`, `data: ${data}\n\n${DONE}`),
    );

    expect(answer.body).toBe(`data: ${seen}\n\ndata: ${seen}\n\n${DONE}`);
  },
);

test.for([
  "data: x[DONE]\n\n",
  "data: [DONE] \n\n",
  "data: [done]\n\n",
  'data: {"text":"[DONE]"}\n\n',
  "data: [DONE]\ndata:\n\n",
  ": [DONE]\n\n",
  "datax: [DONE]\n\n",
])("Rule 10: %j is not the end of the stream.", async (event) => {
  const { answer } = await streamed((call) => answerEvents(call, FIRST, event, SECOND, DONE));

  expect(answer.body).toBe(FIRST + event + SECOND + DONE);
});

test("Rule 10: what follows [DONE] is dropped, a second [DONE] too.", async () => {
  const { answer, entry } = await streamed((call) =>
    answerEvents(call, FIRST, `${DONE}${SECOND}`, DONE, SECOND),
  );

  expect(answer.body).toBe(FIRST + DONE);
  expect(answer.whole).toBe(true);
  expect(entry.outcome).toBe("ok");
});

test("Rule 10: the client has its whole answer with [DONE], whatever the engine does then.", async () => {
  const { port } = await startRig({
    decode: [(call) => call.socket.write(STREAM_HEAD + chunked(FIRST + DONE))],
  });
  const connection = await client(port);

  connection.send(post(STREAM));
  const first = await connection.answer();
  connection.send(post(STREAM));
  const second = await connection.answer();

  expect(first.body).toBe(FIRST + DONE);
  expect(second.body).toBe(FIRST + DONE);
});

test("Rule 10: an engine that goes on behind [DONE] is cut off.", async () => {
  const goOn: Script = ({ socket }) => {
    socket.write(STREAM_HEAD + chunked(FIRST + DONE));
    const more = setInterval(() => socket.write(chunked(SECOND)), 20);
    socket.on("close", () => clearInterval(more));
  };
  const { port, decode } = await startRig({ decode: [goOn] }, { timeouts: { tokenGapMs: 600_000 } });

  const answer = await ask(port, post(STREAM));
  await decode[0]?.calls[0]?.closed;

  expect(answer.body).toBe(FIRST + DONE);
});

const OPENAI_ERROR = {
  message: expect.any(String),
  type: expect.any(String),
  param: null,
  code: expect.any(String),
};

test.for([
  {
    name: "a 500 that does not say why",
    script: (call: EngineCall) => answerJson(call, "secret", "500 x"),
  },
  { name: "an end before the head", script: raw("") },
  { name: "half a head", script: raw("HTTP/1.1 200 OK\r\ncont") },
  { name: "a head alone", script: raw(STREAM_HEAD) },
  { name: "half an event", script: raw(STREAM_HEAD, chunked("data: a")) },
  { name: "comments alone", script: raw(STREAM_HEAD, chunked(": ping\n\n: ping\n\n"), "0\r\n\r\n") },
  { name: "no event at all", script: raw(STREAM_HEAD, "0\r\n\r\n") },
  { name: "JSON instead of events", script: (call: EngineCall) => answerJson(call, '{"id":"x"}') },
  {
    name: "an error event that does not say why",
    script: (call: EngineCall) =>
      answerEvents(call, 'data: {"error":{"message":"Traceback (most recent call last): secret"}}\n\n', DONE),
  },
])("Rule 11: $name before the first event becomes a 5xx with an OpenAI error.", async ({ script }) => {
  const { answer } = await streamed(script);

  expect(answer.status).toBeGreaterThanOrEqual(500);
  expect(answer.header("content-type")).toBe("application/json");
  expect(answer.json()).toEqual({ error: OPENAI_ERROR });
  expect(answer.body).not.toContain("secret");
});

test.for([
  { status: 400, outcome: "refused_by_engine" },
  { status: 500, outcome: "decode_failed" },
])(
  "Rule 11: an engine's $status is an answer with its status and its words.",
  async ({ status, outcome }) => {
    const error = { message: "no KV", type: "EngineError", param: null, code: status };
    const body = JSON.stringify({ error });

    const asStatus = await streamed((call) => answerJson(call, body, `${status} x`));
    const asEvent = await streamed((call) => answerEvents(call, `data: ${body}\n\n`, DONE));

    for (const { answer, entry } of [asStatus, asEvent]) {
      expect(answer.status).toBe(status);
      expect(answer.body).toBe(body);
      expect(entry.outcome).toBe(outcome);
    }
  },
);

test.for([450.5, 600, 200, "x"])("Rule 11: an error event's code %s is no status.", async (code) => {
  const event = `data: ${JSON.stringify({ error: { message: "no KV", code } })}\n\n`;

  const { answer } = await streamed((call) => answerEvents(call, event, DONE));

  expect(answer.status).toBe(502);
  expect(answer.json().error).toEqual({ message: "no KV", type: "server_error", param: null, code });
});

/** The events after `FIRST`, which has to be there. */
function afterFirst(body: string): string {
  expect(body.startsWith(FIRST)).toBe(true);
  return body.slice(FIRST.length);
}

test.for([
  { name: "a cut between events", script: raw(STREAM_HEAD, chunked(FIRST)) },
  { name: "a cut within an event", script: raw(STREAM_HEAD, chunked(FIRST + SECOND.slice(0, 9))) },
  { name: "a cut within a chunk", script: raw(STREAM_HEAD, chunked(FIRST), "ff\r\ndata: ") },
  { name: "broken chunks", script: raw(STREAM_HEAD, chunked(FIRST), "zz\r\n") },
  { name: "a good end without [DONE] (rule 13)", script: raw(STREAM_HEAD, chunked(FIRST), "0\r\n\r\n") },
  { name: "a short Content-Length", script: raw(`HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n${FIRST}`) },
  { name: "an end of an answer without length", script: raw(`HTTP/1.1 200 OK\r\n\r\n${FIRST}`) },
  {
    name: "[DONE] without its blank line",
    script: raw(STREAM_HEAD, chunked(`${FIRST}data: [DONE]\n`), "0\r\n\r\n"),
  },
  {
    name: "an endless event",
    script: (call: EngineCall) =>
      call.socket.write(STREAM_HEAD + chunked(FIRST) + chunked(`data: ${"x".repeat(8 * 1024 * 1024)}`)),
  },
])("Rule 12: $name after the first event is one error event, then the end.", async ({ script }) => {
  const { answer, entry } = await streamed(script);

  const rest = afterFirst(answer.body);
  expect(answer.status).toBe(200);
  expect(answer.whole).toBe(true);
  expect(rest).toMatch(/^data: \{"error":\{[^\n]*\}\n\n$/);
  expect(JSON.parse(rest.slice(6))).toEqual({ error: { ...OPENAI_ERROR, code: "decode_failed" } });
  expect(entry.outcome).toBe("decode_failed");
});

test("Rule 12: an engine's own error event is the last, without [DONE].", async () => {
  const event = 'data: {"error":{"message":"out of memory","code":500}}\n\n';

  const { answer, entry } = await streamed((call) => answerEvents(call, FIRST, event, DONE));

  const told = { message: "out of memory", type: "server_error", param: null, code: 500 };
  expect(answer.body).toBe(`${FIRST}data: ${JSON.stringify({ error: told })}\n\n`);
  expect(answer.whole).toBe(true);
  expect(entry.outcome).toBe("decode_failed");
});

test.for([
  { name: "one of 8 MiB", sizes: [8 * 1024 * 1024] },
  { name: "several of 600 KiB and 3 MiB", sizes: [600, 3000, 10, 600].map((kib) => kib * 1024) },
])("Rule 41: large events pass: $name.", async ({ sizes }) => {
  const events = sizes.map((size) => `data: ${"x".repeat(size - 8)}\n\n`);

  const { answer } = await streamed((call) => answerEvents(call, ...events, DONE));

  expect(answer.body === events.join("") + DONE).toBe(true);
});

test("Rule 32: beyond one large event nothing is read for a client that does not read.", async () => {
  const event = chunked(`data: ${"x".repeat(6 * 1024 * 1024)}\n\n`);
  let written = 0;
  const flood: Script = ({ socket }) => {
    const pour = () => {
      for (let goOn = true; goOn; written += event.length) goOn = socket.write(event);
    };
    socket.on("drain", pour);
    socket.write(STREAM_HEAD);
    pour();
  };
  const { port } = await startRig({ decode: [flood] });
  const connection = await client(port);
  connection.send(post(STREAM));
  await connection.received((text) => text.includes("data: "));
  connection.socket.pause();

  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  // One of them waits in the scheduler, some in the kernel and one in the engine.
  expect(written).toBeLessThan(8 * event.length);
});

test("Rule 12: text that only looks like an error is relayed.", async () => {
  const event = 'data: {"choices":[{"text":"\\"error\\"","error":1}],"error":null}\n\n';

  const { answer } = await streamed((call) => answerEvents(call, event, 'data: "error"\n\n', DONE));

  expect(answer.body).toBe(`${event}data: "error"\n\n${DONE}`);
});

test("Rule 12: an HTTP/1.0 client gets the stream until the connection ends.", async () => {
  const { port } = await startRig();

  const answer = await ask(port, post(STREAM).replace("HTTP/1.1", "HTTP/1.0"));

  expect(answer.header("transfer-encoding")).toBeUndefined();
  expect(answer.header("connection")).toBe("close");
  expect(answer.body).toBe(EVENTS.join("") + DONE);
});

test.for([
  { name: "a truncated answer", script: raw('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":1}') },
  { name: "a truncated answer without length", script: raw('HTTP/1.1 200 OK\r\n\r\n{"id":1,"c') },
  { name: "a broken chunk", script: raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}x") },
  { name: "text that is no JSON", script: (call: EngineCall) => answerJson(call, "OK") },
  { name: "an empty answer", script: (call: EngineCall) => answerJson(call, "") },
  {
    name: "an endless answer without length",
    script: (call: EngineCall) =>
      call.socket.write(`HTTP/1.1 200 OK\r\n\r\n{"a":"${"x".repeat(1100 * 1024)}`),
  },
])("Rule 14: $name becomes a clean 502.", async ({ script }) => {
  const { port } = await startRig({ decode: [script] });

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(502);
  expect(answer.whole).toBe(true);
  expect(answer.json().error.code).toBe("decode_failed");
});

test("Rule 14: a plain answer is one JSON body with its length, however decode frames it.", async () => {
  const { port } = await startRig({
    decode: [
      raw(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n',
      ),
    ],
  });

  const answer = await ask(port, post(PLAIN));

  expect(answer.body).toBe('{"a":1}');
  expect(answer.header("content-length")).toBe("7");
  expect(answer.header("content-type")).toBe("application/json");
  expect(answer.header("transfer-encoding")).toBeUndefined();
});

const LARGE = `{"a":"${"x".repeat(3 * 1024 * 1024)}"}`;

test("Rule 14: an answer over 1 MiB is relayed with its length.", async () => {
  const { port } = await startRig({ decode: [(call) => answerJson(call, LARGE)] });

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(200);
  expect(answer.header("content-length")).toBe(String(LARGE.length));
  expect(answer.body).toBe(LARGE);
});

test("Rule 14: an answer over 1 MiB that fails breaks the connection.", async () => {
  const { port, logged } = await startRig({
    decode: [raw(`HTTP/1.1 200 OK\r\ncontent-length: ${LARGE.length}\r\n\r\n${LARGE.slice(0, 2_000_000)}`)],
  });
  const connection = await client(port);

  connection.send(post(PLAIN));
  const answer = await connection.answer();
  await connection.ended();

  expect(answer.whole).toBe(false);
  expect((await logged(1)).outcome).toBe("decode_failed");
});
