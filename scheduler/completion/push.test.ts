import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { MAX_HEAD_BYTES } from "../http/head.ts";
import { ask, client, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerJson,
  DONE,
  type EngineCall,
  EVENTS,
  type FakeEngine,
  fakeEngine,
  PLAIN_ANSWER,
  type Script,
} from "../testing/engine.ts";
import { LAYERWISE, metaserverOf, PLACE, pushingPair, tell, toldBy } from "../testing/layerwise.ts";
import { type Overrides, operator, type Rig, rigOf, startRig } from "../testing/rig.ts";

const silent: Script = () => {};

function layerwiseRig(
  scripts: { prefill?: Script[]; decode?: Script[] } = {},
  overrides: Overrides = {},
): Promise<Rig> {
  const pair = pushingPair();
  return startRig(
    { prefill: scripts.prefill ?? [pair.prefill], decode: scripts.decode ?? [pair.decode] },
    { ...LAYERWISE, ...overrides },
  );
}

/** A request of which decode has been asked, and has told where it wants the KV cache if `tells`. */
async function begun(
  one: Rig,
  body = STREAM,
): Promise<{ asker: Awaited<ReturnType<typeof client>>; call: EngineCall }> {
  const asker = await client(one.port);
  asker.send(post(body));
  const call = await (one.decode[0] as Rig["decode"][number]).call(1);
  return { asker, call };
}

const firstCall = ([engine]: Rig["decode"]): EngineCall => {
  const call = engine?.calls[0];
  if (call === undefined) throw new Error("it has not been asked");
  return call;
};

test.for([
  { body: PLAIN, said: PLAIN_ANSWER },
  { body: STREAM, said: EVENTS.join("") + DONE },
])(
  "Decode is asked first, prefill what decode tells, and decode answers ($body).",
  async ({ body, said }) => {
    const one = await layerwiseRig();

    const answer = await ask(one.port, post(body));

    expect([answer.status, answer.body]).toEqual([200, said]);
    const [asked, pushed] = [firstCall(one.decode), firstCall(one.prefill)];
    expect(JSON.parse(asked.body)).toEqual({
      ...JSON.parse(body),
      return_token_ids: true,
      kv_transfer_params: {
        do_remote_decode: false,
        do_remote_prefill: true,
        metaserver: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1\/metaserver\/[0-9a-f-]{36}$/),
      },
    });
    expect(pushed.body).toContain(`"kv_transfer_params":${toldBy(asked)}`);
    expect(JSON.parse(pushed.body)).toMatchObject({ max_tokens: 1, min_tokens: 1, stream: false });
    expect(JSON.parse(pushed.body)).toMatchObject({ prompt: JSON.parse(body).prompt });
    // The engines match by it.
    expect(pushed.header("x-request-id")).toEqual(asked.header("x-request-id"));
    const { prefill, decode, outcome, ms } = await one.logged(1);
    expect({ prefill, decode, outcome }).toEqual({ prefill: "prefill-0", decode: "decode-0", outcome: "ok" });
    expect(ms.prefill).toBeLessThanOrEqual(ms.total ?? 0);
  },
);

test("A place is told once, of its own request, at its own path; all else is 404.", async () => {
  const one = await layerwiseRig({ prefill: [silent], decode: [silent] });
  const { call } = await begun(one);
  const url = metaserverOf(call);
  const post404 = async (at: string, body: string) => (await tell(at, body)).status;

  const guessed = await post404(`${url.slice(0, -1)}${url.endsWith("0") ? 1 : 0}`, toldBy(call));
  const bare = await post404(url.slice(0, url.lastIndexOf("/")), toldBy(call));
  const foreign = await post404(url, `{"request_id":"cmpl-other-0",${PLACE}}`);
  const right = await post404(url, toldBy(call));
  const again = await post404(url, toldBy(call));

  expect({ guessed, bare, foreign, right, again }).toEqual({
    guessed: 404,
    bare: 404,
    foreign: 404,
    right: 200,
    again: 404,
  });
  expect((await one.prefill[0]?.call(1))?.body).toContain(PLACE);
  expect(one.prefill[0]?.calls).toHaveLength(1);
});

test("Of a request that is over nothing is told.", async () => {
  const one = await layerwiseRig({ decode: [(call) => answerJson(call, PLAIN_ANSWER)] });
  await ask(one.port, post(PLAIN));
  const call = firstCall(one.decode);

  const { status } = await tell(metaserverOf(call), toldBy(call));

  expect(status).toBe(404);
  expect(one.prefill[0]?.calls).toHaveLength(0);
});

test("The port for clients takes no parameters of an engine, nor the port for engines a client's requests.", async () => {
  const one = await layerwiseRig({ prefill: [silent], decode: [silent] });
  const { call } = await begun(one);
  const { port, pathname } = new URL(metaserverOf(call));

  const atClients = await tell(`http://127.0.0.1:${one.port}${pathname}`, toldBy(call));
  const atEngines = await tell(`http://127.0.0.1:${port}/v1/completions`, PLAIN);

  expect([atClients.status, atEngines.status]).toEqual([404, 404]);
  expect(one.prefill[0]?.calls).toHaveLength(0);
});

test.for([
  ["no JSON", "x", 400],
  ["a list", "[]", 400],
  ["what has prefill push nowhere", (told: string) => told.replace('decode":true', 'decode":false'), 400],
  ["a key twice", (told: string) => told.replace("{", '{"do_remote_decode":true,'), 400],
  ["over 1 MiB", (told: string) => `${told}${" ".repeat(1024 * 1024)}`, 413],
] as const)(
  "Parameters that are %s are refused, and the request waits for better ones.",
  async ([, body, status]) => {
    const one = await layerwiseRig({ prefill: [silent], decode: [silent] });
    const { call } = await begun(one);
    const url = metaserverOf(call);

    const refused = await tell(url, typeof body === "string" ? body : body(toldBy(call)));
    const taken = await tell(url, toldBy(call));

    expect([refused.status, taken.status]).toEqual([status, 200]);
  },
);

test("The head of what an engine tells is bounded as a client's is, and another method is 405.", async () => {
  const one = await layerwiseRig({ prefill: [silent], decode: [silent] });
  const { call } = await begun(one);
  const url = metaserverOf(call);

  const long = await tell(url, toldBy(call), { headers: { "X-Long": "x".repeat(MAX_HEAD_BYTES) } });
  const get = await fetch(url);

  expect([long.status, get.status]).toEqual([431, 405]);
});

/** Milliseconds from when decode has told its place until its connection is closed. */
async function endOf(call: EngineCall): Promise<number> {
  await tell(metaserverOf(call), toldBy(call));
  const toldAt = performance.now();
  await call.closed;
  return performance.now() - toldAt;
}

test.for([
  { fails: "fails", script: (call: EngineCall) => answerJson(call, "{}", "500 x"), status: 500 },
  {
    fails: "refuses",
    script: (call: EngineCall) => answerJson(call, '{"error":{"message":"too long","code":400}}', "400 Bad"),
    status: 400,
  },
  { fails: "breaks off", script: (call: EngineCall) => call.socket.destroy(), status: 503 },
  { fails: "is silent", script: silent, status: 504, prefillMs: 100 },
  {
    fails: "has an error in a 200",
    script: (call: EngineCall) => answerJson(call, '{"error":{"message":"no","code":500}}'),
    status: 500,
  },
])(
  "Prefill that $fails ends decode's request within a second.",
  async ({ script, status, prefillMs = 20_000 }) => {
    const one = await layerwiseRig({ prefill: [script], decode: [silent] }, { timeouts: { prefillMs } });
    const { asker, call } = await begun(one);

    const ms = await endOf(call);

    expect(ms).toBeLessThan(1000);
    const answer = await asker.answer();
    expect([answer.status, answer.whole]).toEqual([status, true]);
    // Decode is not to blame, and no other has been asked.
    const { decode, outcome } = await one.logged(1);
    expect([decode, outcome === "ok"]).toEqual(["decode-0", false]);
    expect(one.decode[0]?.calls).toHaveLength(1);
  },
);

test("Prefill's failure has no second decode instance asked.", async () => {
  const pair = pushingPair();
  const one = await layerwiseRig({
    prefill: [(call) => call.socket.destroy()],
    decode: [pair.decode, pair.decode],
  });

  const { status } = await ask(one.port, post(PLAIN));

  expect(status).toBe(503);
  expect(one.decode.flatMap(({ calls }) => calls)).toHaveLength(1);
});

test("Without a prefill instance when decode tells its place, decode's request ends as well.", async () => {
  const one = await layerwiseRig({ prefill: [silent], decode: [silent] }, { admin: [{ port: 0 }] });
  const { asker, call } = await begun(one);
  await operator(one).drain("prefill-0", 1, true);

  const ms = await endOf(call);

  expect(ms).toBeLessThan(1000);
  expect((await asker.answer()).json().error.code).toBe("no_prefill");
});

test("A prefill instance that cannot be reached is no failure while there is another.", async () => {
  const pair = pushingPair();
  const one = await layerwiseRig({
    prefill: [(call) => call.socket.destroy(), pair.prefill],
    decode: [pair.decode],
  });

  const answer = await ask(one.port, post(PLAIN));

  expect(answer.status).toBe(200);
  expect(one.prefill.map(({ calls }) => calls.length)).toEqual([1, 1]);
});

test("A decode instance that breaks off has another one asked, which tells a place of its own.", async () => {
  const pair = pushingPair();
  const one = await layerwiseRig({
    decode: [(call) => call.socket.destroy(), pair.decode],
    prefill: [pair.prefill],
  });

  const answer = await ask(one.port, post(PLAIN));

  expect(answer.status).toBe(200);
  const [first, second] = one.decode.map(({ calls: [call] }) => metaserverOf(call as EngineCall));
  expect(first).not.toBe(second);
});

test("A decode instance that is busy has another one asked.", async () => {
  const pair = pushingPair();
  const busy: Script = (call) =>
    answerJson(call, '{"error":{"message":"x","type":"Service Unavailable","code":503}}', "503 x");
  const one = await layerwiseRig({ decode: [busy, pair.decode], prefill: [pair.prefill] });

  const answer = await ask(one.port, post(PLAIN));

  expect(answer.status).toBe(200);
});

test("Prefill's failure is none of a stream that has begun.", async () => {
  const one = await layerwiseRig({
    prefill: [silent],
    decode: [(call) => call.path === "/v1/completions" && call.socket.write(HEAD + chunk(EVENTS[0] ?? ""))],
  });
  const { asker, call } = await begun(one);
  await tell(metaserverOf(call), toldBy(call));
  const pushed = await one.prefill[0]?.call(1);
  await asker.received((text) => text.includes('"a"'));

  if (pushed) answerJson(pushed, "{}", "500 x");
  await until(async () => (await logOfFailures(one)) === 0);
  call.socket.write(`${chunk((EVENTS[1] ?? "") + DONE)}0\r\n\r\n`);

  expect((await asker.answer()).body).toBe(EVENTS.join("") + DONE);
});

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
/** A moment in which a failure would have been told. */
async function logOfFailures({ log }: Rig): Promise<number> {
  await sleep(100);
  return log.length;
}

test("A client that leaves ends decode's leg at once; prefill, which decode waits for to free its memory, is left to end.", async () => {
  const one = await layerwiseRig({ prefill: [silent], decode: [silent] });
  const { asker, call } = await begun(one);
  await tell(metaserverOf(call), toldBy(call));
  const pushed = (await one.prefill[0]?.call(1)) as EngineCall;
  let isClosed = false;
  void pushed.closed.then(() => {
    isClosed = true;
  });

  asker.socket.destroy();
  await call.closed;
  await sleep(100);
  const before = isClosed;
  answerJson(pushed, "{}");

  expect(before).toBe(false);
  expect((await one.logged(1)).outcome).toBe("client_left");
  await until(async () => one.prefill[0]?.connections.open === 1);
});

/** Answers health checks; of what else is asked it tells no end when the scheduler ends it. */
async function stubbornDecode(): Promise<{ port: number; asked: Promise<EngineCall> }> {
  const inner = await fakeEngine(silent);
  const outer = createServer({ allowHalfOpen: true }, (socket) => {
    const inside = connect(inner.port, "127.0.0.1");
    socket.pipe(inside, { end: false });
    inside.pipe(socket, { end: false });
    for (const side of [socket, inside]) side.on("error", () => {});
    onTestFinished(() => void [socket, inside].map((side) => side.destroy()));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void outer.close());
  await once(outer, "listening");
  return { port: (outer.address() as AddressInfo).port, asked: inner.call(1) };
}

test("What decode had begun to tell when its client left is heard: it has taken memory for it.", async () => {
  const prefill = await fakeEngine(silent);
  const { port, asked } = await stubbornDecode();
  const one = await rigOf([prefill], [{ port } as FakeEngine], LAYERWISE);
  const asker = await client(one.port);
  asker.send(post(STREAM));
  const call = await asked;

  asker.socket.destroy();
  await one.logged(1);
  const { status } = await tell(metaserverOf(call), toldBy(call));

  expect(status).toBe(200);
  expect((await prefill.call(1)).body).toContain(PLACE);
});

test("What decode tells when it has ended its work for a client that left is heard: it was on the way.", async () => {
  const one = await layerwiseRig({ prefill: [silent], decode: [silent] });
  const { asker, call } = await begun(one);

  asker.socket.destroy();
  await call.closed;
  await one.logged(1);
  await sleep(50);
  const { status } = await tell(metaserverOf(call), toldBy(call));

  expect(status).toBe(200);
  expect((await one.prefill[0]?.call(1))?.body).toContain(PLACE);
});

test("Decode that tells no place has prefill's time for it.", async () => {
  const one = await layerwiseRig({ decode: [silent] }, { timeouts: { prefillMs: 100 } });

  const answer = await ask(one.port, post(STREAM));

  expect([answer.status, answer.json().error.code]).toEqual([504, "decode_timeout"]);
  await firstCall(one.decode).closed;
});

test("Prefill's time is not decode's: that for the first token begins when it has been pushed to.", async () => {
  const pair = pushingPair(silent);
  const slow: Script = (call) => void setTimeout(() => pair.prefill(call), 400);
  const one = await layerwiseRig(
    { prefill: [slow], decode: [pair.decode] },
    { timeouts: { firstTokenMs: 200 } },
  );

  const answer = await ask(one.port, post(STREAM));

  expect([answer.status, answer.json().error.code]).toEqual([504, "decode_timeout"]);
  const { ms } = await one.logged(1);
  expect((ms.total ?? 0) - (ms.prefill ?? 0)).toBeGreaterThan(150);
});

test("Each of several prompts and samples has a pair of legs of its own.", async () => {
  const one = await layerwiseRig();

  const answer = await ask(one.port, post('{"prompt":["one","two",[3]],"n":2,"max_tokens":4}'));

  const choices = answer.json().choices as { index: number }[];
  expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  const prompts = (engine: Rig["decode"][number] | undefined) =>
    engine?.calls.map(({ body }) => JSON.stringify(JSON.parse(body).prompt)).sort();
  expect(prompts(one.decode[0])).toEqual(['"one"', '"one"', '"two"', '"two"', "[3]", "[3]"]);
  expect(prompts(one.prefill[0])).toEqual(prompts(one.decode[0]));
  expect(new Set(one.decode[0]?.calls.map(metaserverOf)).size).toBe(6);
});

test("The failure of prefill for one of several prompts ends all.", async () => {
  const pair = pushingPair();
  const one = await layerwiseRig({
    prefill: [
      (call) => (JSON.parse(call.body).prompt === "bad" ? answerJson(call, "{}", "500 x") : silent(call)),
    ],
    decode: [pair.decode],
  });

  const answer = await ask(one.port, post('{"prompt":["one","bad"],"max_tokens":4}'));

  expect(answer.status).toBe(500);
  await Promise.all((one.decode[0]?.calls ?? []).map(({ closed }) => closed));
});

test("A beam search is decode's alone, which is told of no metaserver.", async () => {
  const one = await layerwiseRig();

  const answer = await ask(one.port, post('{"prompt":"x","use_beam_search":true,"n":2}'));

  expect(answer.status).toBe(200);
  expect(firstCall(one.decode).body).not.toContain("kv_transfer_params");
});

test("A client's own parameters do not get to either leg.", async () => {
  const one = await layerwiseRig();

  await ask(one.port, post('{"prompt":"x","kv_transfer_params":{"metaserver":"http://evil"}}'));

  expect(firstCall(one.decode).body).not.toContain("evil");
  expect(firstCall(one.prefill).body).not.toContain("evil");
});

test("With workers, decode reaches the one that waits.", async () => {
  const one = await layerwiseRig({}, { workers: 3 });

  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(one.port, post(PLAIN))));

  expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
  const ports = new Set(one.decode[0]?.calls.map((call) => new URL(metaserverOf(call)).port));
  expect(ports.size).toBeGreaterThan(1);
});

/** Two ports in a row on which nobody listens; none that outgoing connections take. */
async function twoFreePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + 2 * Math.floor(Math.random() * 5000);
    const servers = [first, first + 1].map((port) => createServer().listen(port, "127.0.0.1"));
    const listening = await Promise.allSettled(servers.map((server) => once(server, "listening")));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (listening.every(({ status }) => status === "fulfilled")) return first;
  }
}

test("Workers listen on ports in a row.", async () => {
  const port = await twoFreePorts();
  const one = await layerwiseRig({}, { workers: 2, metaserver: { host: "127.0.0.1", port } });

  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(one.port, post(PLAIN))));

  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  const ports = new Set(one.decode[0]?.calls.map((call) => Number(new URL(metaserverOf(call)).port)));
  expect([...ports].sort()).toEqual([port, port + 1]);
});

test("A port that is taken is told of.", async () => {
  const taken = await fakeEngine(silent);
  const metaserver = { host: "127.0.0.1", port: taken.port };

  const failure = await rigOf([], [], { ...LAYERWISE, metaserver, ready: false }).catch((error) => error);

  expect(failure).toMatchObject({
    message: `cannot listen on 127.0.0.1 port ${taken.port}: another process listens there`,
    fix: "stop it, or choose another --metaserver-port",
  });
});

test("Rule 23: while it drains, decode still tells of what is in flight.", async () => {
  const one = await layerwiseRig({ prefill: [pushingPair().prefill], decode: [silent] });
  const { asker, call } = await begun(one, PLAIN);
  const drained = one.drain();

  const { status } = await tell(metaserverOf(call), toldBy(call));
  await one.prefill[0]?.call(1);
  answerJson(call, PLAIN_ANSWER);

  expect(status).toBe(200);
  expect((await asker.answer()).body).toBe(PLAIN_ANSWER);
  await drained;
});
