import { expect, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM } from "../testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  DONE,
  EVENTS,
  goodPrefill,
  PLAIN_ANSWER,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { startRig } from "../testing/rig.ts";

test("Rule 20: a client that leaves while it sends its request leaves nothing behind.", async () => {
  const { port, prefill, log, logged } = await startRig();
  const connection = await client(port);

  connection.send(post(PLAIN).slice(0, -1));
  await ask(port, get("/livez"));
  connection.socket.destroy();

  await logged(1);
  await ask(port, get("/nowhere"));
  await logged(2);

  expect(log.map(({ outcome }) => outcome)).toEqual(["client_left", "not_found"]);
  expect(prefill[0]?.calls).toHaveLength(0);
});

test("Rule 26: an early error is answered although the client goes on sending its body.", async () => {
  const { port } = await startRig({}, { maxBodyBytes: 1000 });
  const connection = await client(port);

  connection.send(
    `POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n`,
  );
  const answer = await connection.answer();
  connection.send(Buffer.alloc(5_000_000, "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"));
  const rest = await connection.ended();

  expect(answer.status).toBe(413);
  expect(answer.header("connection")).toBe("close");
  expect(rest).toBe("");
  expect(connection.broken).toBe(false);
});

test("Rule 27: the head that reaches an engine is made new.", async () => {
  const { port, prefill, decode } = await startRig();

  await ask(
    port,
    post(
      PLAIN,
      "/v1/completions?api-version=1",
      "Authorization: Bearer key",
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "tracestate: x=y",
      "Connection: keep-alive",
      "Keep-Alive: timeout=5",
      "TE: trailers",
      "Trailer: X",
      "Upgrade: h2c",
      "Proxy-Authorization: x",
      "Proxy-Connection: keep-alive",
      "X-Forwarded-For: 1.2.3.4",
      "X-prefiller-host-port: 6.6.6.6:1",
      "X-data-parallel-rank: 1",
      "Cookie: a=b",
      "Accept-Encoding: gzip",
    ).replace("application/json", "Application/JSON;charset=utf-8"),
  );

  for (const [engine, call] of [...prefill, ...decode].map((one) => [one, one.calls[0]] as const)) {
    const lines = call?.head.split("\r\n") ?? [];
    expect(lines[0]).toBe("POST /v1/completions HTTP/1.1");
    expect(lines.slice(1).map((line) => line.replace(/^X-Request-Id: .*/, "X-Request-Id"))).toEqual([
      `Host: 127.0.0.1:${engine.port}`,
      "X-Request-Id",
      "authorization: Bearer key",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(call?.body ?? "")}`,
    ]);
  }
});

test("Rule 27: a client's chunked body reaches the engines with its length.", async () => {
  const { port, decode } = await startRig({ prefill: [(call) => answerJson(call, "{}")] });

  await ask(
    port,
    `POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(PLAIN)}0\r\nX: y\r\n\r\n`,
  );

  expect(decode[0]?.calls[0]?.body).toBe(PLAIN);
  expect(decode[0]?.calls[0]?.header("transfer-encoding")).toEqual([]);
});

test("Rule 28: models are asked of an engine, without the client's query.", async () => {
  const { port, prefill } = await startRig({
    prefill: [(call) => answerJson(call, '{"object":"list","data":[]}')],
  });

  const answer = await ask(port, get("/v1/models?x=/../health"));

  expect(answer.body).toBe('{"object":"list","data":[]}');
  expect(prefill[0]?.calls[0]?.head).toMatch(/^GET \/v1\/models HTTP\/1\.1\r\n/);
  expect(prefill[0]?.calls[0]?.header("content-length")).toEqual([]);
});

test("Rule 28: a wrong method is answered with the right ones.", async () => {
  const { port } = await startRig();

  expect((await ask(port, get("/v1/completions"))).header("allow")).toBe("POST");
  expect((await ask(port, "POST /v1/models HTTP/1.1\r\nHost: test\r\n\r\n")).header("allow")).toBe(
    "GET, HEAD",
  );
});

test("HEAD is answered like GET, without the body.", async () => {
  const { port } = await startRig();
  const connection = await client(port);

  connection.send(`${get("/livez").replace("GET", "HEAD")}${get("/readyz")}`);
  const received = await connection.received((text) => text.endsWith("}"));

  expect(received.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  expect(received.match(/\{"ready"/g)).toHaveLength(1);
});

test("Rule 29: of an engine's headers none but the listed ones reach the client.", async () => {
  const { port } = await startRig({
    decode: [
      (call) =>
        answerJson(
          call,
          PLAIN_ANSWER,
          "200 OK",
          "Server: uvicorn",
          "Set-Cookie: a=b",
          "X-Internal: 10.0.0.1",
          "Via: x",
        ),
    ],
  });

  const answer = await ask(port, post(PLAIN));

  const names = answer.head.split("\r\n").map((line) => line.split(":")[0]);
  expect(names.slice(1)).toEqual(["Date", "X-Request-Id", "Content-Type", "Content-Length"]);
});

test.for(["a client that waits for it", "a client that sends on"])(
  "Rule 30: 100 Continue is sent to %s, before the body, once.",
  async (which) => {
    const { port } = await startRig();
    const connection = await client(port);
    const [head = "", body = ""] = post(PLAIN, "/v1/completions", "Expect: 100-continue").split("\r\n\r\n");

    connection.send(`${head}\r\n\r\n`);
    const first = await connection.answer();
    connection.send(body);
    if (which === "a client that sends on") connection.send(get("/livez"));
    const second = await connection.answer();

    expect([first.status, second.status]).toEqual([100, 200]);
    if (which === "a client that sends on") expect((await connection.answer()).status).toBe(200);
  },
);

test("Rule 30: a body over the limit is refused at once when declared, without 100 Continue.", async () => {
  const { port } = await startRig({}, { maxBodyBytes: 100 });
  const connection = await client(port);

  connection.send(
    "POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" +
      "Expect: 100-continue\r\nContent-Length: 101\r\n\r\n",
  );
  const answer = await connection.answer();

  expect(answer.status).toBe(413);
  expect(answer.json().error.message).toContain("100 bytes");
});

test.for([
  { size: 100, status: 200 },
  { size: 101, status: 413 },
])(
  "Rule 30: a chunked body of $size bytes with a limit of 100 is answered with $status.",
  async ({ size, status }) => {
    const { port } = await startRig({}, { maxBodyBytes: 100 });
    const body = `{"p":"${"x".repeat(size - 8)}"}`;

    const answer = await ask(
      port,
      `POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}0\r\n\r\n`,
    );

    expect(answer.status).toBe(status);
  },
);

test("Rule 30: a body of the default limit is taken.", async () => {
  const { port, decode } = await startRig();
  const body = `{"p":"${"x".repeat(8 * 1024 * 1024 - 8)}"}`;

  const answer = await ask(port, post(body));

  expect(answer.status).toBe(200);
  expect(decode[0]?.calls[0]?.body.length).toBeGreaterThan(8 * 1024 * 1024);
});

test.for([
  { name: "open brackets", body: `{"a":${"[".repeat(8_000_000)}` },
  { name: "open objects", body: `{"a":${'{"a":'.repeat(1_600_000)}` },
  { name: "a string without end", body: `{"a":"${"x".repeat(8_000_000)}` },
  { name: "escapes", body: `{"a":"${"\\".repeat(8_000_000)}` },
  { name: "members", body: `{${'"a":1,'.repeat(1_300_000)}` },
  { name: "digits", body: `{"a":${"1".repeat(8_000_000)}` },
  { name: "keys", body: `{"a":1${',"":0'.repeat(1_390_000)}}` },
])("Rule 31: 8 MB of $name are a 400, and other requests go on.", async ({ body }) => {
  const { port } = await startRig();

  const [bad, good] = await Promise.all([ask(port, post(body)), ask(port, post(PLAIN))]);

  expect(bad.status).toBe(400);
  expect(bad.json().error.code).toBe("invalid_json");
  expect(good.status).toBe(200);
});

test("Rule 31: an error about a body does not repeat what stands in it.", async () => {
  const { port, logged } = await startRig();

  const answer = await ask(port, post('{"prompt":"canary" x}'));

  expect(answer.body).not.toContain("canary");
  expect((await logged(1)).text).not.toContain("canary");
});

test("Slow clients: a head that does not arrive is a 408, a body likewise, an idle connection just ends.", async () => {
  const { port } = await startRig({}, { timeouts: { requestHeadMs: 100, requestBodyMs: 100 } });
  const [head, body, idle] = [await client(port), await client(port), await client(port)];

  head.send("GET /livez HT");
  body.send(post(PLAIN).slice(0, -1));

  expect((await head.answer()).status).toBe(408);
  expect((await body.answer()).status).toBe(408);
  expect(await idle.ended()).toBe("");
});

/** Reads nothing from now on, while decode has no end of events to say. */
async function stalledStream(timeouts: { stalledClientMs: number }) {
  const event = `data: ${"x".repeat(8000)}\n\n`;
  let written = 0;
  const one = await startRig(
    {
      decode: [
        ({ socket }) => {
          socket.write(STREAM_HEAD);
          const more = () => {
            while (!socket.destroyed && written < 64 * 1024 * 1024) {
              written += event.length;
              if (!socket.write(chunked(event))) return;
            }
          };
          socket.on("drain", more);
          more();
        },
      ],
    },
    { timeouts },
  );
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await connection.received((text) => text.includes("data: "));
  connection.socket.pause();
  return { ...one, connection, written: () => written };
}

test("Rule 32: an engine is not read while its client does not read.", async () => {
  const { connection, written } = await stalledStream({ stalledClientMs: 60_000 });

  let before = -1;
  while (before !== written() || before < 1024 * 1024) {
    before = written();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  expect(written()).toBeLessThan(20 * 1024 * 1024);
  connection.socket.resume();
  while (before === written()) await new Promise((resolve) => setTimeout(resolve, 20));
});

test("Rule 32: a client that does not read is dropped, and its engine told.", async () => {
  const { decode, logged } = await stalledStream({ stalledClientMs: 200 });

  await decode[0]?.calls[0]?.closed;

  expect((await logged(1)).outcome).toBe("client_stalled");
});

test("Rule 32: answers to requests sent ahead do not pile up before a client that does not read.", async () => {
  let answered = 0;
  const body = `{"a":"${"x".repeat(900_000)}"}`;
  const { port } = await startRig({
    decode: [
      (call) => {
        answered++;
        answerJson(call, body);
      },
    ],
  });
  const connection = await client(port);
  connection.socket.pause();

  connection.send(post(PLAIN).repeat(50));
  let before = -1;
  while (before !== answered) {
    before = answered;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  expect(answered).toBeLessThan(20);
  connection.socket.resume();
  for (let i = 0; i < 50; i++) expect((await connection.answer()).status).toBe(200);
});

test("Rule 32: of clients that left nothing is left but kept connections.", async () => {
  const { port, decode, logged } = await startRig({
    decode: [(call) => (JSON.parse(call.body).stream ? answerEvents(call, ...EVENTS, DONE) : undefined)],
  });
  const clients = await Promise.all(Array.from({ length: 30 }, () => client(port)));

  for (const [i, one] of clients.entries()) one.send(post(i % 2 === 0 ? STREAM : PLAIN));
  await decode[0]?.call(30);
  for (const one of clients) one.socket.destroy();
  const hung = decode[0]?.calls.filter(({ body }) => !JSON.parse(body).stream) ?? [];
  for (const { closed } of hung) await closed;
  await logged(30);

  expect(hung).toHaveLength(15);
});

test("Rule 33: proxies of the environment are not used.", async () => {
  const { HTTP_PROXY, http_proxy, ALL_PROXY } = process.env;
  Object.assign(process.env, {
    HTTP_PROXY: "http://127.0.0.1:1",
    http_proxy: "http://127.0.0.1:1",
    ALL_PROXY: "http://127.0.0.1:1",
  });
  try {
    const { port } = await startRig();

    expect((await ask(port, post(PLAIN))).status).toBe(200);
  } finally {
    for (const [name, value] of Object.entries({ HTTP_PROXY, http_proxy, ALL_PROXY })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test("Rule 33: prompts, answers, keys and queries are not in the log; phases and instances are.", async () => {
  const { port, logged } = await startRig({
    prefill: [goodPrefill],
    decode: [({ socket }) => socket.end(`${STREAM_HEAD}${chunked("data: canary-answer\n\n")}`)],
  });

  await ask(
    port,
    post(
      '{"prompt":"canary-prompt","stream":true,"user":"canary-user"}',
      "/v1/completions?key=canary-query",
      "Authorization: Bearer canary-key",
    ),
  );
  const entry = await logged(1);

  expect(entry.text).not.toContain("canary");
  expect(entry).toMatchObject({
    method: "POST",
    path: "/v1/completions",
    prefill: "prefill-0",
    decode: "decode-0",
    status: 200,
    outcome: "decode_failed",
  });
  expect(Object.keys(entry.ms)).toEqual(["body", "prefill", "firstEvent", "total"]);
});

test("Every answered request is one log line, health checks are none.", async () => {
  const { port, log, logged } = await startRig();

  await ask(port, post(PLAIN));
  await ask(port, get("/livez"));
  await ask(port, get("/nowhere"));
  await ask(port, "broken\r\n\r\n");
  await logged(3);

  expect(log.map(({ outcome }) => outcome)).toEqual(["ok", "not_found", "malformed_http"]);
});

test("Streams run side by side.", async () => {
  const { port } = await startRig();

  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(port, post(STREAM))));

  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set([EVENTS.join("") + DONE]));
});
