import { expect, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM, until } from "./testing/client.ts";
import {
  answerEvents,
  answerJson,
  chunked,
  DONE,
  type EngineCall,
  EVENTS,
  type FakeEngine,
  fakeEngine,
  goodDecode,
  goodPrefill,
  KV_PARAMS,
  PLAIN_ANSWER,
  type Script,
  STREAM_HEAD,
} from "./testing/engine.ts";
import { type Rig, rigOf, startRig } from "./testing/rig.ts";

const hang: Script = () => {};
const close: Script = ({ socket }) => socket.end();
const reset: Script = ({ socket }) => socket.resetAndDestroy();
const [FIRST = ""] = EVENTS;
const DEEP = `{"detail":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;

/** Stops listening and closes every connection: from now on it refuses. */
async function kill(engine: FakeEngine | undefined): Promise<void> {
  await engine?.close();
}

test.for([
  { limit: "prefillMs", prefill: hang, decode: goodDecode, body: PLAIN, code: "prefill_timeout" },
  { limit: "answerMs", prefill: goodPrefill, decode: hang, body: PLAIN, code: "decode_timeout" },
  { limit: "firstTokenMs", prefill: goodPrefill, decode: hang, body: STREAM, code: "decode_timeout" },
  {
    limit: "firstTokenMs",
    prefill: goodPrefill,
    decode: (call: EngineCall) => call.socket.write(STREAM_HEAD + chunked("data: half")),
    body: STREAM,
    code: "decode_timeout",
  },
])("Rule 15: $limit ends a leg that hangs with a 504, and closes its connection.", async (one) => {
  const { port, prefill, decode } = await startRig(
    { prefill: [one.prefill], decode: [one.decode] },
    { timeouts: { [one.limit]: 100 } },
  );

  const answer = await ask(port, post(one.body));

  expect(answer.status).toBe(504);
  expect(answer.json().error.code).toBe(one.code);
  const hung = one.code === "prefill_timeout" ? prefill[0] : decode[0];
  await hung?.calls[0]?.closed;
  expect(hung?.calls).toHaveLength(1);
});

test("Rule 15: tokenGapMs ends a stream that stops moving with an error event.", async () => {
  const { port, decode } = await startRig(
    { decode: [(call) => call.socket.write(STREAM_HEAD + chunked(FIRST))] },
    { timeouts: { tokenGapMs: 100 } },
  );

  const answer = await ask(port, post(STREAM));

  expect(answer.body).toMatch(/^data: .*\n\ndata: \{"error":.*"decode_timeout"\}\}\n\n$/);
  await decode[0]?.calls[0]?.closed;
});

test.for([
  ["bytes that complete no event", `${FIRST}data: `, "x"],
  ["comments", FIRST, ": ping\n\n"],
])("Rule 15: %s do not extend the gap between tokens.", async ([, begin = "", trickled = ""]) => {
  const { port } = await startRig(
    {
      decode: [
        ({ socket }) => {
          socket.write(STREAM_HEAD + chunked(begin));
          const trickle = setInterval(() => socket.write(chunked(trickled)), 20);
          socket.on("close", () => clearInterval(trickle));
        },
      ],
    },
    { timeouts: { tokenGapMs: 150 } },
  );

  const answer = await ask(port, post(STREAM));

  expect(answer.body).toContain("decode_timeout");
});

test.for([
  { how: "refuses", break: async (b: Rig) => kill(b.prefill[0]) },
  { how: "closes", break: async (b: Rig) => void Object.assign(b.prefill[0] ?? {}, { script: close }) },
  { how: "resets", break: async (b: Rig) => void Object.assign(b.prefill[0] ?? {}, { script: reset }) },
])("Rule 17: a prefill instance that $how is replaced by another.", async ({ break: breakIt }) => {
  const one = await startRig(
    { prefill: [goodPrefill, goodPrefill] },
    { health: { intervalMs: 60_000, timeoutMs: 1000 } },
  );
  await breakIt(one);

  const answers = [await ask(one.port, post(PLAIN)), await ask(one.port, post(PLAIN))];

  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(one.prefill[1]?.calls).toHaveLength(2);
});

test("Rule 16: when only decode's connect failed prefill's result is used again.", async () => {
  const one = await startRig(
    { decode: [goodDecode, goodDecode] },
    { health: { intervalMs: 60_000, timeoutMs: 1000 } },
  );
  await kill(one.decode[0]);

  const answer = await ask(one.port, post(PLAIN));

  expect(answer.body).toBe(PLAIN_ANSWER);
  expect(one.prefill[0]?.calls).toHaveLength(1);
  expect(one.decode[1]?.calls[0]?.body).toContain(KV_PARAMS);
});

test("Rule 16: there are at most two attempts per leg.", async () => {
  const { port, prefill } = await startRig({ prefill: [close, close, close] });

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(503);
  expect(answer.json().error.code).toBe("prefill_unreachable");
  expect(answer.header("retry-after")).toBe("1");
  expect(prefill.flatMap(({ calls }) => calls)).toHaveLength(2);
});

test("Rule 16: nothing is tried again behind the first relayed byte.", async () => {
  const cut: Script = ({ socket }) => socket.end(STREAM_HEAD + chunked(FIRST));
  const { port, decode } = await startRig({ decode: [cut, cut] });

  const answer = await ask(port, post(STREAM));

  expect(answer.body).toContain('"error"');
  expect(decode.flatMap(({ calls }) => calls)).toHaveLength(1);
});

test("Rule 16: without another instance a request that a new connection lost is not sent again.", async () => {
  const { port, prefill } = await startRig(
    { prefill: [close] },
    { health: { intervalMs: 60_000, timeoutMs: 1000 } },
  );
  await ask(port, post(PLAIN));
  const before = prefill[0]?.calls.length ?? 0;

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(503);
  expect(prefill[0]?.calls).toHaveLength(before + 1);
});

test("Rule 17: a kept connection that dies before any byte is replaced once, on the same instance.", async () => {
  let calls = 0;
  const { port, decode } = await startRig({
    decode: [(call) => (++calls === 2 ? call.socket.destroy() : goodDecode(call))],
  });

  const first = await ask(port, post(PLAIN));
  const second = await ask(port, post(PLAIN));

  expect([first.status, second.status]).toEqual([200, 200]);
  expect(decode[0]?.calls).toHaveLength(3);
});

/** Names its answers after their requests, in the head or in the body, as vLLM does. */
const named = (id: string, where: "head" | "body", call: EngineCall) => {
  if (where === "head") answerJson(call, PLAIN_ANSWER, "200 OK", `X-Request-Id: ${id}`);
  else answerJson(call, `{"id":"cmpl-${id}-0","choices":[{"text":"ab"}]}`);
};

test.for([
  { where: "head", role: "decode" },
  { where: "body", role: "decode" },
  { where: "body", role: "prefill" },
] as const)(
  "Rule 48: an answer to an earlier request on a kept $role connection, named in its $where, reaches no client.",
  async ({ where, role }) => {
    let first = "";
    const script: Script = (call) => {
      const [id = ""] = call.header("x-request-id");
      // The second request is met by what the engine had still to say to the first.
      if (first !== "" && first !== id && engine().calls.length === 2) named(first, where, call);
      else if (role === "decode") named(id, where, call);
      else goodPrefill(call);
      first ||= id;
    };
    const rig = await startRig({ [role]: [script] });
    const engine = () => rig[role][0] as FakeEngine;

    const before = await ask(rig.port, post(PLAIN));
    const after = await ask(rig.port, post(PLAIN));

    expect([before.status, after.status]).toEqual([200, 200]);
    const ids = engine().calls.map((call) => call.header("x-request-id")[0]);
    expect(ids[2]).toBe(ids[1]);
    expect(engine().calls[1]?.socket).toBe(engine().calls[0]?.socket);
    expect(engine().calls[2]?.socket).not.toBe(engine().calls[1]?.socket);
    expect(after.body).not.toContain(first);
  },
);

test("Rule 48: a stream on a kept connection that is an earlier request's reaches no client, and is asked for again.", async () => {
  let first: string | undefined;
  const rig = await startRig({
    decode: [
      (call) => {
        const [id] = call.header("x-request-id");
        first ??= id;
        const said = rig.decode[0]?.calls.length === 2 ? first : id;
        answerEvents(call, `data: {"id":"cmpl-${said}-0","choices":[{"text":"a"}]}\n\n`, DONE);
      },
    ],
  });

  await ask(rig.port, post(STREAM));
  const answer = await ask(rig.port, post(STREAM));

  expect(answer.status).toBe(200);
  expect(answer.body).toContain("[DONE]");
  expect(answer.body).not.toContain(`${first}`);
  expect(rig.decode[0]?.calls).toHaveLength(3);
});

test("With --engine-keep-alive off each request has a connection of its own.", async () => {
  const health = { intervalMs: 60_000, timeoutMs: 1000 };
  const { port, prefill, decode } = await startRig({}, { health, engineKeepAlive: false });

  for (let i = 0; i < 3; i++) await ask(port, post(PLAIN));

  for (const { calls } of [...prefill, ...decode])
    expect(new Set(calls.map(({ socket }) => socket)).size).toBe(3);
});

test("Connections to the engines are kept and used again.", async () => {
  const { port, prefill, decode } = await startRig({}, { health: { intervalMs: 60_000, timeoutMs: 1000 } });

  const accepted = () => [...prefill, ...decode].map(({ connections }) => connections.accepted);
  const forChecks = accepted();

  for (let i = 0; i < 5; i++) await ask(port, post(i % 2 === 0 ? STREAM : PLAIN));

  expect(accepted()).toEqual(forChecks.map((count) => count + 1));
});

test.for([
  {
    name: "OpenAI's form",
    body: '{"error":{"message":"too long","type":"T","param":"p","code":"c"}}',
    message: "too long",
  },
  {
    name: "vLLM 0's form",
    body: '{"object":"error","message":"too long","type":"T","param":"p","code":"c"}',
    message: "too long",
  },
  { name: "FastAPI's form", body: '{"detail":"too long"}', message: "too long" },
  { name: "FastAPI's list", body: '{"detail":[{"msg":"too long"}]}', message: '[{"msg":"too long"}]' },
])("Rule 18: an engine's refusal in $name is relayed with status and message.", async ({ body, message }) => {
  const { port, prefill, decode } = await startRig({
    prefill: [(call) => answerJson(call, body, "422 x"), (call) => answerJson(call, body, "422 x")],
  });

  const answer = await ask(port, post(STREAM));

  expect(answer.status).toBe(422);
  expect(answer.json().error.message).toBe(message);
  expect(prefill.flatMap(({ calls }) => calls)).toHaveLength(1);
  expect(decode[0]?.calls).toHaveLength(0);
});

test.for(["429 Too Many Requests", "503 Service Unavailable"])(
  "Rule 18: a %s of decode keeps its Retry-After and is not tried again.",
  async (status) => {
    const busy: Script = (call) =>
      answerJson(call, '{"error":{"message":"busy"}}', status, "Retry-After: 17");
    const { port, decode } = await startRig({ decode: [busy, busy] });

    const answer = await ask(port, post(STREAM));

    expect(answer.status).toBe(Number(status.slice(0, 3)));
    expect(answer.header("retry-after")).toBe("17");
    expect(answer.json().error.message).toBe("busy");
    expect(decode.flatMap(({ calls }) => calls)).toHaveLength(1);
  },
);

test("Rule 18: neither refusals nor clients that leave make an instance unavailable.", async () => {
  const { port, prefill } = await startRig({ prefill: [(call) => answerJson(call, "{}", "400 Bad")] });

  for (let i = 0; i < 20; i++) await ask(port, post(PLAIN));
  if (prefill[0] !== undefined) prefill[0].script = goodPrefill;

  expect((await ask(port, get("/readyz"))).status).toBe(200);
  expect((await ask(port, post(PLAIN))).status).toBe(200);
});

test.for([
  "<html><h1>500</h1></html>",
  '{"error":{"message":"Traceback (most recent call last): File"}}',
  '{"error":{"message":"<!DOCTYPE html>"}}',
  '{"error":{"message":"  at f (x.js:1)\\n    at g (x.js:2)"}}',
])("Rule 29: a page or stack trace in a refusal (%s) is replaced.", async (body) => {
  const { port } = await startRig({ prefill: [(call) => answerJson(call, body, "400 Bad")] });

  const answer = await ask(port, post(PLAIN));

  expect(answer.status).toBe(400);
  expect(answer.json().error.message).toBe("The engine refused the request");
});

test.for([
  { framing: "with a length", script: (call: EngineCall) => answerJson(call, DEEP, "400 Bad") },
  {
    framing: "until it closes",
    script: ({ socket }: EngineCall) => socket.end(`HTTP/1.1 400 Bad\r\n\r\n${DEEP}`),
  },
])(
  "Rule 31: a refusal that is nested deep and framed $framing keeps its status only.",
  async ({ script }) => {
    const { port } = await startRig({ decode: [script] });

    const answer = await ask(port, post(PLAIN));

    expect(answer.status).toBe(400);
    expect(answer.json().error.message).toBe("The engine refused the request");
  },
);

/** A scheduler whose instances have names, as on a machine that knows them. */
async function rigAt(host: string, decode: Script): Promise<Rig> {
  const engines = [await fakeEngine(goodPrefill), await fakeEngine(decode)];
  const [prefill, other] = engines.map(({ port }) => [{ host: "127.0.0.1", port }]);
  const endpoints = { prefill: [...(prefill ?? []), { host, port: 9 }], decode: other ?? [] };
  const one = await rigOf([], [], { endpoints, ready: false });
  await until(async () => (await ask(one.port, get("/readyz"))).status === 200);
  return one;
}

const ADDRESSES = [
  [
    "no route to 10.1.2.3:8088 or [fd00::1]:8088, see http://h/x",
    "no route to [address] or [address], see [address]",
  ],
  ["host-b:8088: refused", "[address]: refused"],
  ["pull from decode_1.pod.local:14579, failed", "pull from [address], failed"],
  ["(npu-7:80)", "([address])"],
  ["Known-Host is down; ask known-host.", "[address] is down; ask [address]."],
  ["known-hosts and my-known-host and known-host.net are other names", undefined],
  ["at 12:30:45 on 2026-01-31T12:30:45, ratio 16:9, error: 400", undefined],
  ['{"loc":["body",12],"max_tokens": 4096}', undefined],
] as const;

test.for(ADDRESSES)(
  "Rule 29: of addresses in the refusal %s nothing is left.",
  async ([said, told = said]) => {
    const body = JSON.stringify({ error: { message: said } });
    const { port } = await rigAt("known-host", (call) => answerJson(call, body, "400 Bad"));

    const answer = await ask(port, post(PLAIN));

    expect(answer.json().error.message).toBe(told);
  },
);

test("Rule 29: addresses in an error event are blanked, before the first token and behind it.", async () => {
  const event = 'data: {"error":{"message":"pull from host-b:8088 failed","type":"T","code":500}}\n\n';
  const script: Script = (call) =>
    call.body.includes("late") ? answerEvents(call, FIRST, event) : answerEvents(call, event);
  const { port } = await startRig({ decode: [script] });

  const early = await ask(port, post(STREAM));
  const late = await ask(port, post(STREAM.replace("hi", "late")));

  const error = { message: "pull from [address] failed", type: "T", param: null, code: 500 };
  expect([early.status, early.json()]).toEqual([500, { error }]);
  expect(late.body).toBe(`${FIRST}data: ${JSON.stringify({ error })}\n\n`);
});

const phases: {
  phase: string;
  body: string;
  prefill: Script;
  decode: Script;
  at: "prefill" | "decode";
  event?: true;
}[] = [
  { phase: "prefill runs", body: PLAIN, prefill: hang, decode: goodDecode, at: "prefill" },
  {
    phase: "prefill answers",
    body: STREAM,
    prefill: ({ socket }) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
    decode: goodDecode,
    at: "prefill",
  },
  { phase: "decode has a plain request", body: PLAIN, prefill: goodPrefill, decode: hang, at: "decode" },
  { phase: "decode has a streaming request", body: STREAM, prefill: goodPrefill, decode: hang, at: "decode" },
  {
    phase: "decode streams",
    body: STREAM,
    prefill: goodPrefill,
    decode: ({ socket }) => socket.write(STREAM_HEAD + chunked(FIRST)),
    at: "decode",
    event: true,
  },
];

test.for(
  phases.flatMap((phase) => [
    { ...phase, how: "closes its connection" as const },
    { ...phase, how: "resets its connection" as const },
  ]),
)("Rule 20: a client that $how while $phase closes the engine's at once.", async (one) => {
  const { port, prefill, decode, logged } = await startRig({ prefill: [one.prefill], decode: [one.decode] });
  const connection = await client(port);

  connection.send(post(one.body));
  const call = await (one.at === "prefill" ? prefill : decode)[0]?.call(1);
  if (one.event) await connection.received((text) => text.includes(FIRST));
  if (one.how === "closes its connection") connection.socket.destroy();
  else connection.socket.resetAndDestroy();
  await call?.closed;

  expect((await logged(1)).outcome).toBe("client_left");
  expect(decode[0]?.calls).toHaveLength(one.at === "prefill" ? 0 : 1);
});

test("Rule 21: an instance whose health check fails gets no requests until it is well again.", async () => {
  const { port, prefill } = await startRig({ prefill: [goodPrefill, goodPrefill] });
  const [first, second] = prefill;
  const healthOf = async () => JSON.parse((await ask(port, get("/health"))).body).prefill;

  if (first !== undefined) first.health = (call) => answerJson(call, "", "503 x");
  while ((await healthOf()) !== 1) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let i = 0; i < 4; i++) await ask(port, post(PLAIN));
  const without = [first?.calls.length, second?.calls.length];
  if (first !== undefined) first.health = (call) => answerJson(call, "");
  while ((await healthOf()) !== 2) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let i = 0; i < 4; i++) await ask(port, post(PLAIN));

  expect(without).toEqual([0, 4]);
  expect([first?.calls.length, second?.calls.length]).toEqual([2, 6]);
});

/** A scheduler that checks one prefill instance; which of its checks that are hung get no answer in time. */
async function checked(isHung: (check: number) => boolean) {
  let checks = 0;
  const one = await startRig({}, { health: { intervalMs: 20, timeoutMs: 400 } });
  const [engine] = one.prefill;
  if (engine === undefined) throw new Error("no engine");
  engine.health = (call) => {
    if (!isHung(++checks)) answerJson(call, "{}");
  };
  return { port: one.port, engine, checks: () => checks, healthChanges: () => one.healthChanges };
}

test("Rule 21: a health check that is not answered in time is no outage, be it every second one.", async () => {
  const one = await checked((check) => check % 2 === 1);

  await until(() => one.checks() > 6);

  expect((await ask(one.port, get("/readyz"))).status).toBe(200);
  expect(one.healthChanges()).toBe(2);
});

test("Rule 21: two health checks in a row that are not answered in time are an outage.", async () => {
  const one = await checked((check) => check > 3);

  await until(() => one.healthChanges() === 3);

  expect(one.checks()).toBe(5);
  expect((await ask(one.port, post(PLAIN))).json().error.code).toBe("no_prefill");
});

test.for<{ how: string; end: Script }>([
  { how: "an error", end: (call) => answerJson(call, "", "503 x") },
  { how: "another status", end: (call) => answerJson(call, "", "404 x") },
  { how: "no HTTP", end: ({ socket }) => socket.end("x\r\n\r\n") },
  { how: "a closed connection", end: close },
  { how: "a reset connection", end: reset },
])("Rule 21: one health check that is answered by $how is an outage.", async ({ end }) => {
  const one = await checked(() => false);
  const before = one.checks();
  const { health } = one.engine;

  one.engine.health = (call) => {
    end(call);
    one.engine.health = health;
  };
  await until(() => one.healthChanges() === 4);

  expect(one.checks()).toBeGreaterThan(before);
});

test("Rule 21: one health check that is refused is an outage.", async () => {
  const one = await startRig({}, { health: { intervalMs: 20, timeoutMs: 60_000 } });

  await kill(one.prefill[0]);
  await until(() => one.healthChanges === 3);

  expect((await ask(one.port, post(PLAIN))).json().error.code).toBe("no_prefill");
});

test.for(["prefill", "decode"] as const)(
  "Rule 22: with no %s instance the answer is a 503 with Retry-After, and no engine is asked.",
  async (role) => {
    const down = await fakeEngine(hang);
    await down.close();
    const up = await fakeEngine(role === "prefill" ? goodDecode : goodPrefill);
    const { port } = await rigOf(role === "prefill" ? [down] : [up], role === "prefill" ? [up] : [down], {
      ready: false,
    });
    const state = async () => JSON.parse((await ask(port, get("/health"))).body);
    while ((await state())[role === "prefill" ? "decode" : "prefill"] === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }

    const answer = await ask(port, post(PLAIN));

    expect(answer.status).toBe(503);
    expect(answer.header("retry-after")).toBe("1");
    expect(answer.json().error.code).toBe(`no_${role}`);
    expect(up.calls).toHaveLength(0);
    expect((await ask(port, get("/readyz"))).status).toBe(503);
    expect((await ask(port, get("/livez"))).status).toBe(200);
  },
);

test("Round robin gives every prefill instance its turn.", async () => {
  const { port, prefill } = await startRig({ prefill: [goodPrefill, goodPrefill, goodPrefill] });

  for (let i = 0; i < 6; i++) await ask(port, post(PLAIN));

  expect(prefill.map(({ calls }) => calls.length)).toEqual([2, 2, 2]);
});

test("Decode goes to the instance with the fewest requests in flight.", async () => {
  const { port, decode } = await startRig({ decode: [hang, (call) => answerEvents(call, FIRST, DONE)] });
  const slow = await client(port);
  slow.send(post(STREAM));
  await decode[0]?.call(1);

  for (let i = 0; i < 3; i++) await ask(port, post(STREAM));

  expect(decode.map(({ calls }) => calls.length)).toEqual([1, 3]);
});

test.for([
  { policy: "BLB", metrics: ['vllm:num_requests_waiting{engine="0"} 3.0', "vllm:num_requests_waiting 0.0"] },
  {
    policy: "FreeKVFirst",
    metrics: ['vllm:gpu_cache_usage_perc{m="a"} 0.9', "vllm:kv_cache_usage_perc 0.1"],
  },
] as const)("$policy prefers the instance that says it has the most room.", async ({ policy, metrics }) => {
  const say =
    (text: string): Script =>
    (call) =>
      call.path === "/metrics" ? answerJson(call, text) : goodPrefill(call);
  const { port, prefill } = await startRig({ prefill: metrics.map(say) }, { policy });
  await Promise.all(prefill.map((engine) => engine.call(1)));
  await ask(port, get("/livez"));

  for (let i = 0; i < 3; i++) await ask(port, post(PLAIN));

  const asked = prefill.map(({ calls }) => calls.filter(({ path }) => path !== "/metrics").length);
  expect(asked).toEqual([0, 3]);
});

test.for([
  ["a control character", "\n"],
  ["a bad escape", "\\x"],
])(
  "An engine's error with %s in a long message is an error of a few words, and nothing hangs.",
  async ([, what]) => {
    const long = `{"error":{"message":"${"x".repeat(2000)}${what}","code":422}}`;
    const { port, logged } = await startRig({
      decode: [(call) => answerJson(call, long, "422 Unprocessable Content")],
    });

    const answer = await ask(port, post(PLAIN));

    expect(answer.status).toBe(422);
    expect((await logged(1)).outcome).toBe("refused_by_engine");
  },
);
