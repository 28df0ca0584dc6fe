import fc from "fast-check";
import { expect, test } from "vitest";
import { ask, client, get, post } from "../testing/client.ts";
import { answerJson, chunked, type EngineCall, type Script } from "../testing/engine.ts";
import { type Overrides, type Rig, startRig } from "../testing/rig.ts";
import { RecordSplitter } from "./records.ts";

const GENERATE: Overrides = { api: "vllm", handoff: "plain" };
const RECORDS = ['{"text": ["hi a"]}', '{"text": ["hi a b"]}'];
const HEAD = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/** A stream of whole records, an HTTP chunk for each. */
const recordsEndedBy =
  (end: string): Script =>
  ({ socket }) =>
    socket.write(`${HEAD}${RECORDS.map((record) => chunked(record + end)).join("")}0\r\n\r\n`);

const prefill: Script = (call) => answerJson(call, '{"text":["hi a"]}');

function generateRig(decode: Script, overrides: Overrides = {}): Promise<Rig> {
  return startRig({ prefill: [prefill], decode: [decode] }, { ...GENERATE, ...overrides });
}

test("POST /generate goes to prefill for one token, then to decode as the client wrote it.", async () => {
  const body = ' {"prompt":"h\\u0069", "n":1, "max_tokens":7,"stream":false, "seed":9007199254740993}\n';
  const one = await generateRig((call) => answerJson(call, '{"text":["hi a b"]}'));

  const answer = await ask(one.port, post(body, "/generate"));

  expect([answer.status, answer.body]).toEqual([200, '{"text":["hi a b"]}']);
  const [first, second] = [one.prefill[0]?.calls, one.decode[0]?.calls];
  expect([first, second].map((calls) => calls?.map(({ path }) => path))).toEqual([
    ["/generate"],
    ["/generate"],
  ]);
  expect(first?.[0]?.body).toBe(body.replace('"max_tokens":7', '"max_tokens":1'));
  expect(second?.[0]?.body).toBe(body);
  expect(first?.[0]?.header("x-request-id")).toEqual(second?.[0]?.header("x-request-id"));
});

test("A client's kv_transfer_params reach no engine here either.", async () => {
  const one = await generateRig((call) => answerJson(call, '{"text":["x"]}'));

  await ask(one.port, post('{"prompt":"x","kv_transfer_p\\u0061rams":{"remote_host":"evil"}}', "/generate"));

  expect(one.prefill[0]?.calls[0]?.body).toBe('{"max_tokens":1,"stream":false,"prompt":"x"}');
  expect(one.decode[0]?.calls[0]?.body).toBe('{"prompt":"x"}');
});

test.for([
  { end: "\0", name: "NUL" },
  { end: "\n", name: "a line feed" },
])("Records that end with $name are relayed to the byte, with a framed end.", async ({ end }) => {
  const one = await generateRig(recordsEndedBy(end));

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}', "/generate"));

  expect([answer.status, answer.whole]).toEqual([200, true]);
  expect(answer.body).toBe(RECORDS.map((record) => record + end).join(""));
  expect(answer.header("content-type")).toBe(undefined);
  expect(one.decode[0]?.calls[0]?.body).toBe('{"prompt":"hi","stream":true}');
  expect(JSON.parse(one.prefill[0]?.calls[0]?.body ?? "")).toMatchObject({ stream: false, max_tokens: 1 });
});

test("A record is passed on as soon as it is whole, and its half is not.", async () => {
  let call: EngineCall | undefined;
  const one = await generateRig((asked) => {
    call = asked;
    asked.socket.write(HEAD + chunked(`${RECORDS[0]}\0{"te`));
  });
  const connection = await client(one.port);
  connection.send(post('{"prompt":"hi","stream":true}', "/generate"));

  const early = await connection.received((text) => text.includes("\0"));
  call?.socket.write(`${chunked('xt": ["hi a b"]}\0')}0\r\n\r\n`);
  const answer = await connection.answer();

  expect(early).toMatch(/\{"text": \["hi a"\]\}\0\r\n$/);
  expect(answer.body).toBe(RECORDS.map((record) => `${record}\0`).join(""));
});

test.for([
  { how: "is cut", rest: "" },
  { how: "is cut within a record", rest: chunked('{"tex') },
  { how: "ends within a record", rest: `${chunked('{"tex')}0\r\n\r\n` },
  { how: "breaks its framing", rest: "zz\r\n" },
])("A stream that $how ends with an error record and without its last chunk.", async ({ rest }) => {
  const one = await generateRig(({ socket }) => socket.end(HEAD + chunked(`${RECORDS[0]}\0`) + rest));

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}', "/generate"));

  const [first, error, ...others] = answer.body.split("\0");
  expect(first).toBe(RECORDS[0]);
  expect(JSON.parse(error ?? "").error).toMatchObject({ code: "decode_failed", type: "server_error" });
  expect([others, answer.whole]).toEqual([[""], false]);
  expect(await one.logged(1)).toMatchObject({ status: 200, outcome: "decode_failed" });
});

test.for([
  { how: "has no record", script: ({ socket }: EngineCall) => socket.write(`${HEAD}0\r\n\r\n`) },
  {
    how: "has half a record",
    script: ({ socket }: EngineCall) => socket.write(`${HEAD}${chunked('{"t')}0\r\n\r\n`),
  },
  {
    how: "is not framed",
    script: ({ socket }: EngineCall) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${RECORDS[0]}\0`),
  },
])("A stream that $how is a 502.", async ({ script }) => {
  const one = await generateRig(script);

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}', "/generate"));

  expect([answer.status, answer.json().error.code]).toEqual([502, "decode_failed"]);
});

test("Rule 37: parameters of a transfer in a record do not reach the client.", async () => {
  const record = '{"text":["hi"],"kv_transfer_params":{"remote_host":"h"}}\n';
  const one = await generateRig(({ socket }) => socket.write(`${HEAD}${chunked(record)}0\r\n\r\n`));

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}', "/generate"));

  expect(answer.body).toBe('{"text":["hi"]}\n');
});

test("What vLLM 0.6.3 answers to any error, a bare 500, stays one.", async () => {
  const one = await generateRig((call) => answerJson(call, "Internal Server Error", "500 No"));

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}', "/generate"));

  expect([answer.status, answer.json().error.code]).toEqual([500, "decode_failed"]);
});

test("A record without end is a failure before it fills the memory.", async () => {
  const one = await generateRig(({ socket }) => {
    socket.write(HEAD);
    const flood = chunked("x".repeat(60_000));
    const pour = () => {
      while (!socket.destroyed && socket.write(flood));
    };
    socket.on("drain", pour);
    pour();
  });

  const answer = await ask(one.port, post('{"prompt":"hi","stream":true}', "/generate"));

  expect([answer.status, answer.json().error.code]).toEqual([502, "decode_failed"]);
  expect((await one.logged(1)).detail).toMatch(/^a record is longer than 8389\d{3} bytes$/);
  await one.decode[0]?.calls[0]?.closed;
});

test("A record may repeat a long prompt, in which two bytes have become six.", async () => {
  const prompt = "ü".repeat(400_000);
  const record = `{"text": ["${"\\u00fc".repeat(400_000)}"]}`;
  const one = await generateRig(({ socket }) => socket.write(`${HEAD}${chunked(`${record}\0`)}0\r\n\r\n`));

  const answer = await ask(one.port, post(JSON.stringify({ prompt, stream: true }), "/generate"));

  expect(answer.body === `${record}\0`).toBe(true);
});

test("A record of many texts passes, each with the prompt in it.", async () => {
  const text = "x".repeat(300_000);
  const record = JSON.stringify({ text: Array(16).fill(text) });
  const one = await generateRig(({ socket }) => socket.write(`${HEAD}${chunked(`${record}\0`)}0\r\n\r\n`));

  const body = JSON.stringify({ prompt: text, n: 16, stream: true });
  const answer = await ask(one.port, post(body, "/generate"));

  expect(answer.body === `${record}\0`).toBe(true);
});

test("An HTTP/1.0 client gets records until the connection ends.", async () => {
  const one = await generateRig(recordsEndedBy("\0"));

  const request = post('{"prompt":"hi","stream":true}', "/generate").replace("HTTP/1.1", "HTTP/1.0");
  const answer = await ask(one.port, request);

  expect(answer.body).toBe(RECORDS.map((record) => `${record}\0`).join(""));
  expect(answer.header("transfer-encoding")).toBe(undefined);
});

test.for([
  { stream: '"True"', streams: true },
  { stream: '"False"', streams: true },
  { stream: "1", streams: true },
  { stream: "0.0", streams: false },
  { stream: '""', streams: false },
  { stream: "null", streams: false },
])("`stream` is read as Python does: $stream is $streams.", async ({ stream, streams }) => {
  const one = await generateRig((call) =>
    streams ? recordsEndedBy("\0")(call) : answerJson(call, '{"text":["x"]}'),
  );

  const answer = await ask(one.port, post(`{"prompt":"hi","stream":${stream}}`, "/generate"));

  expect(answer.status).toBe(200);
  expect(answer.header("transfer-encoding")).toBe(streams ? "chunked" : undefined);
  expect(one.decode[0]?.calls[0]?.body).toContain(`"stream":${stream}`);
});

test.for([
  { body: '{"stream":[]}', code: "invalid_value" },
  { body: '{"stream":true,"str\\u0065am":false}', code: "duplicate_key" },
  { body: '["prompt"]', code: "invalid_json" },
])("$body is refused before an engine sees it.", async ({ body, code }) => {
  const one = await generateRig(recordsEndedBy("\0"));

  const answer = await ask(one.port, post(body, "/generate"));

  expect([answer.status, answer.json().error.code]).toEqual([400, code]);
  expect(one.prefill[0]?.calls).toEqual([]);
});

test("Either API is served, not both.", async () => {
  const [generate, openAi] = [await generateRig(recordsEndedBy("\0")), await startRig()];

  const refused = [
    await ask(generate.port, post("{}")),
    await ask(generate.port, post("{}", "/v1/chat/completions")),
    await ask(generate.port, get("/v1/models")),
    await ask(openAi.port, post("{}", "/generate")),
  ];

  for (const { status, json } of refused) expect([status, json().error.code]).toEqual([404, "not_found"]);
});

test("Records cut anywhere come out whole and unchanged, none early and none late.", () => {
  const records = fc.array(fc.tuple(fc.json({ maxDepth: 1 }), fc.constantFrom("\0", "\n")), { maxLength: 8 });
  fc.assert(
    fc.property(records, fc.json(), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (all, tail, sizes) => {
      const bytes = Buffer.from(all.map((record) => record.join("")).join("") + tail);
      const splitter = new RecordSplitter(Number.POSITIVE_INFINITY);
      let out = "";
      let at = 0;
      while (at < bytes.length) {
        const size = sizes.next().value;
        out += splitter.push(bytes.subarray(at, at + size)).toString("latin1");
        at = Math.min(at + size, bytes.length);

        const seen = bytes.toString("latin1", 0, at);
        expect(out).toBe(seen.slice(0, 1 + Math.max(seen.lastIndexOf("\0"), seen.lastIndexOf("\n"))));
        expect(splitter.held).toBe(at - out.length);
      }
    }),
    { numRuns: 1000 },
  );
});
