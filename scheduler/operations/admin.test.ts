import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { type Endpoints, InvalidTables } from "../config/endpoints.ts";
import { ask, client, get, PLAIN, post, STREAM, until } from "../testing/client.ts";
import {
  answerJson,
  chunked,
  DONE,
  type EngineCall,
  EVENTS,
  type FakeEngine,
  fakeEngine,
  goodDecode,
  goodPrefill,
  PLAIN_ANSWER,
  type Script,
  STREAM_HEAD,
} from "../testing/engine.ts";
import { type Overrides, operator, type Rig, rigOf, startRig } from "../testing/rig.ts";

const [FIRST = "", SECOND = ""] = EVENTS;
const ADMIN: Overrides = { admin: [{ port: 0 }] };

/** A decode engine that streams one event and keeps the rest for `finish`. */
function slowDecode(): { script: Script; calls: EngineCall[]; finish(): void } {
  const calls: EngineCall[] = [];
  return {
    calls,
    script: (call) => {
      calls.push(call);
      call.socket.write(STREAM_HEAD + chunked(FIRST));
    },
    finish: () => {
      for (const { socket } of calls) socket.write(`${chunked(SECOND + DONE)}0\r\n\r\n`);
    },
  };
}

async function openStream({ port }: Rig) {
  const connection = await client(port);
  connection.send(post(STREAM));
  await connection.received((received) => received.includes(FIRST));
  return connection;
}

test("State tells of every instance.", async () => {
  const slow = slowDecode();
  const one = await startRig({ prefill: [goodPrefill], decode: [slow.script] }, ADMIN);
  await openStream(one);

  const state = await operator(one).state();

  expect(state).toEqual({
    ready: true,
    draining: false,
    requests: 1,
    instances: [
      {
        name: "prefill-0",
        role: "prefill",
        address: `127.0.0.1:${one.prefill[0]?.port}`,
        ready: true,
        healthy: true,
        stalled: false,
        broken: false,
        unproven: false,
        quarantined: [],
        draining: false,
        leaving: false,
        inFlight: 0,
        kvHeld: 0,
        kvAbandoned: 0,
        served: 1,
        failures: 0,
        load: null,
        transferShare: null,
        computesPrompts: false,
      },
      expect.objectContaining({ name: "decode-0", role: "decode", inFlight: 1, served: 0 }),
    ],
  });
});

test("State counts what an instance has served, and its own failures but not its refusals.", async () => {
  const answers = ["200 OK", "500 No", "400 Bad Request", "200 OK"];
  const script: Script = (call) => {
    const status = answers.shift() ?? "";
    call.socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\n{}`);
  };
  const one = await startRig({ prefill: [script] }, ADMIN);

  for (const status of [200, 500, 400, 200]) {
    expect((await ask(one.port, post(PLAIN))).status).toBe(status);
  }

  expect(await operator(one).stateOf("prefill-0")).toMatchObject({ served: 2, failures: 1, inFlight: 0 });
  expect(await operator(one).stateOf("decode-0")).toMatchObject({ served: 2, failures: 0, kvHeld: 0 });
});

test("A drained instance gets nothing new, finishes what it has, and the drain returns only then.", async () => {
  const slow = slowDecode();
  const one = await startRig({ decode: [slow.script, goodDecode] }, ADMIN);
  const { drain, stateOf } = operator(one);
  const stream = await openStream(one);
  let ended = false;

  const draining = drain("decode-0").finally(() => {
    ended = true;
  });
  await until(async () => (await stateOf("decode-0"))?.draining === true);
  const others = [await ask(one.port, post(PLAIN)), await ask(one.port, post(PLAIN))];
  const endedEarly = ended;
  slow.finish();
  const { status, answer } = await draining;

  expect(others.map(({ body }) => body)).toEqual([PLAIN_ANSWER, PLAIN_ANSWER]);
  expect(endedEarly).toBe(false);
  expect([status, answer]).toEqual([
    200,
    { instance: "decode-0", drained: true, ended: "idle", inFlight: 0, kvHeld: 0 },
  ]);
  expect((await stream.answer()).body).toBe(FIRST + SECOND + DONE);
  expect(one.decode.map(({ calls }) => calls.length)).toEqual([1, 2]);
});

test("A prefill instance is drained only when decode has fetched the KV cache that it keeps.", async () => {
  const held: EngineCall[] = [];
  const one = await startRig(
    { prefill: [goodPrefill, goodPrefill], decode: [(call) => held.push(call)] },
    ADMIN,
  );
  const { drain, stateOf } = operator(one);
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await one.decode[0]?.call(1);

  const early = await drain("prefill-0", 0);
  const draining = drain("prefill-0");
  // The head of a stream is no sign that the KV cache has arrived.
  held[0]?.socket.write(STREAM_HEAD);
  await ask(one.port, get("/livez"));
  const before = await stateOf("prefill-0");
  held[0]?.socket.write(chunked(FIRST));
  const { answer } = await draining;

  expect(early.answer).toMatchObject({ drained: false, ended: "deadline", inFlight: 0, kvHeld: 1 });
  expect(before).toMatchObject({ inFlight: 0, kvHeld: 1, draining: true });
  expect(answer).toMatchObject({ drained: true, kvHeld: 0 });
});

test("A KV cache that decode did not fetch, and that nobody releases, is held until its lease is over, and a drain waits for that.", async () => {
  const one = await startRig(
    { prefill: [goodPrefill, goodPrefill], decode: [() => {}] },
    { ...ADMIN, kvLeaseMs: 500, kvRelease: "none" },
  );
  const { drain, stateOf } = operator(one);
  const connection = await client(one.port);
  connection.send(post(STREAM));
  const call = await one.decode[0]?.call(1);
  connection.socket.destroy();
  await call?.closed;
  await one.logged(1);

  const early = await drain("prefill-0", 0);
  const { answer } = await drain("prefill-0");

  expect(early.answer).toMatchObject({ drained: false, inFlight: 0, kvHeld: 1 });
  expect(answer).toMatchObject({ drained: true, kvHeld: 0 });
  expect(await stateOf("prefill-0")).toMatchObject({ kvAbandoned: 1 });
});

test("A prefill instance that gave no KV parameters keeps no KV cache.", async () => {
  const one = await startRig(
    { prefill: [(call) => answerJson(call, "{}"), goodPrefill], decode: [() => {}] },
    ADMIN,
  );
  const { drain, stateOf } = operator(one);
  const connection = await client(one.port);
  connection.send(post(STREAM));
  await one.decode[0]?.call(1);

  const { answer } = await drain("prefill-0");

  expect(answer).toMatchObject({ drained: true });
  expect(await stateOf("prefill-0")).toMatchObject({ kvAbandoned: 0 });
});

test("At its deadline a drain says what is left, and the instance goes on draining.", async () => {
  const slow = slowDecode();
  const one = await startRig({ decode: [slow.script, goodDecode] }, ADMIN);
  const { drain, stateOf } = operator(one);
  await openStream(one);

  const late = await drain("decode-0", 0.1);
  const state = await stateOf("decode-0");
  slow.finish();
  const again = await drain("decode-0");

  expect(late).toEqual({
    status: 200,
    answer: { instance: "decode-0", drained: false, ended: "deadline", inFlight: 1, kvHeld: 0 },
  });
  expect(state).toMatchObject({ draining: true, ready: false, inFlight: 1 });
  expect(again.answer).toMatchObject({ drained: true, ended: "idle" });
});

test("Drains of one instance at once all wait and all end.", async () => {
  const slow = slowDecode();
  const one = await startRig({ decode: [slow.script, goodDecode] }, ADMIN);
  const { drain, stateOf } = operator(one);
  await openStream(one);

  const all = [drain("decode-0"), drain("decode-0", 0.05), drain("decode-0")];
  await all[1];
  await until(async () => (await stateOf("decode-0"))?.draining === true);
  slow.finish();
  const results = await Promise.all(all);

  expect(results.map(({ answer }) => answer.drained)).toEqual([true, false, true]);
});

test("A drain whose operator hangs up goes on.", async () => {
  const slow = slowDecode();
  const one = await startRig({ decode: [slow.script, goodDecode] }, ADMIN);
  await openStream(one);
  const leaving = new AbortController();
  const url = `http://127.0.0.1:${one.adminPorts[0]}/drain`;
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: '{"instance":"decode-0"}', signal: leaving.signal };
  const asked = fetch(url, init).catch(() => {});
  const { stateOf } = operator(one);
  await until(async () => (await stateOf("decode-0"))?.draining === true);

  leaving.abort();
  await asked;
  slow.finish();

  await until(async () => (await stateOf("decode-0"))?.inFlight === 0);
  expect(await stateOf("decode-0")).toMatchObject({ draining: true });
});

test("The last instance of a role that gets requests is drained by force only.", async () => {
  const one = await startRig({ prefill: [goodPrefill, goodPrefill] }, ADMIN);
  const { drain } = operator(one);

  const results = await Promise.all([drain("prefill-0"), drain("prefill-1")]);
  const served = await ask(one.port, post(PLAIN));
  const forced = await drain("prefill-1", 600, true);
  const refused = await ask(one.port, post(PLAIN));
  const readyz = await ask(one.port, get("/readyz"));

  expect(results.map(({ status }) => status)).toEqual([200, 409]);
  expect(results[1]?.answer).toEqual({
    error: {
      code: "conflict",
      message: "prefill-1 is the last prefill instance that gets requests",
      fix: "join another one first, or force it: requests are then answered 503",
    },
  });
  expect(served.status).toBe(200);
  expect(forced.answer).toMatchObject({ drained: true });
  expect([refused.status, refused.json().error.code]).toEqual([503, "no_prefill"]);
  expect(readyz.status).toBe(503);
});

test("An instance that is ill is no loss: it is drained although no other is ready.", async () => {
  const one = await startRig({}, { ...ADMIN, ready: false, health: { intervalMs: 20, timeoutMs: 1000 } });
  await until(async () => (await operator(one).stateOf("decode-0"))?.healthy === true);
  Object.assign(one.decode[0] ?? {}, { health: (call: EngineCall) => call.socket.destroy() });
  await until(async () => (await operator(one).stateOf("decode-0"))?.healthy === false);

  const { status } = await operator(one).drain("decode-0");

  expect(status).toBe(200);
});

test("A joined instance gets requests when it has answered a health check, not before.", async () => {
  const one = await startRig(
    { decode: [goodDecode, goodDecode] },
    { ...ADMIN, health: { intervalMs: 20, timeoutMs: 60_000 } },
  );
  const { drain, join: joinAgain, stateOf } = operator(one);
  await drain("decode-0");
  const waiting: EngineCall[] = [];
  Object.assign(one.decode[0] ?? {}, { health: (call: EngineCall) => waiting.push(call) });
  await until(() => waiting.length > 0);

  const late = await joinAgain("decode-0", 0);
  const before = await stateOf("decode-0");
  for (let i = 0; i < 3; i++) await ask(one.port, post(PLAIN));
  const joining = joinAgain("decode-0");
  waiting[0]?.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  const joined = await joining;
  for (let i = 0; i < 4; i++) await ask(one.port, post(PLAIN));

  expect(late.answer).toEqual({ instance: "decode-0", joined: false, ended: "deadline" });
  expect(before).toMatchObject({ draining: false, healthy: false, ready: false });
  expect(joined).toEqual({
    status: 200,
    answer: { instance: "decode-0", joined: true, ended: "healthy" },
  });
  expect(one.decode.map(({ calls }) => calls.length)).toEqual([2, 5]);
});

test("Joining an instance that gets requests changes nothing.", async () => {
  const one = await startRig({}, ADMIN);

  const { answer } = await operator(one).join("decode-0", 0);

  expect(answer).toMatchObject({ joined: true });
  expect(one.healthChanges).toBe(2);
});

test("A join ends the drain that waits, and a drain the join.", async () => {
  const slow = slowDecode();
  const one = await startRig(
    { decode: [slow.script, goodDecode] },
    { ...ADMIN, health: { intervalMs: 20, timeoutMs: 60_000 } },
  );
  const { drain, join: joinAgain, stateOf } = operator(one);
  await openStream(one);

  const drained = drain("decode-0");
  await until(async () => (await stateOf("decode-0"))?.draining === true);
  await joinAgain("decode-0");
  const cancelled = await drained;
  await drain("decode-0", 0);
  Object.assign(one.decode[0] ?? {}, { health: () => {} });
  const joined = joinAgain("decode-0");
  await until(async () => (await stateOf("decode-0"))?.draining === false);
  await drain("decode-0", 0);

  expect(cancelled.answer).toMatchObject({ drained: false, ended: "joined" });
  expect((await joined).answer).toMatchObject({ joined: false, ended: "draining" });
});

test("A drain closes the connections that were kept to the instance.", async () => {
  const one = await startRig({ decode: [goodDecode, goodDecode] }, ADMIN);
  for (let i = 0; i < 2; i++) await ask(one.port, post(PLAIN));
  const kept = one.decode.map(({ calls }) => calls[0]?.socket);

  await operator(one).drain("decode-0");
  for (let i = 0; i < 10; i++) await ask(one.port, get("/livez"));

  expect(kept.map((socket) => socket?.destroyed)).toEqual([true, false]);
});

/** A bench whose rank table can be changed; `change` gives what the next reload reads. */
async function reloadable(engines: { prefill: FakeEngine[]; decode: FakeEngine[] }) {
  let next: () => Endpoints = () => ({ prefill: [], decode: [] });
  const endpoints = (list: readonly FakeEngine[]) => list.map(({ port }) => ({ host: "127.0.0.1", port }));
  const one = await rigOf(engines.prefill, engines.decode, {
    ...ADMIN,
    readEndpoints: () => next(),
    health: { intervalMs: 20, timeoutMs: 1000 },
  });
  return {
    one,
    change(prefill: FakeEngine[], decode: FakeEngine[]) {
      next = () => ({ prefill: endpoints(prefill), decode: endpoints(decode) });
    },
    spoil() {
      next = () => {
        throw new InvalidTables([{ message: "the table is not JSON", fix: "mend it" }]);
      };
    },
  };
}

test("reload: a new instance joins when it is healthy, one that is gone drains and leaves, no stream is dropped.", async () => {
  const slow = slowDecode();
  const [prefill, old, kept, added] = [
    await fakeEngine(goodPrefill),
    await fakeEngine(slow.script),
    await fakeEngine(goodDecode),
    await fakeEngine(goodDecode),
  ];
  const { one, change } = await reloadable({ prefill: [prefill], decode: [old, kept] });
  const { reload, state, stateOf } = operator(one);
  const stream = await openStream(one);
  const checks: EngineCall[] = [];
  added.health = (call) => void checks.push(call);
  change([prefill], [kept, added]);

  const { answer } = await reload();
  await until(() => checks.length > 0);
  for (let i = 0; i < 3; i++) await ask(one.port, post(PLAIN));
  const callsBefore = [old, kept, added].map(({ calls }) => calls.length);
  const leaving = await stateOf("decode-0");
  added.health = (call) => call.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  for (const { socket } of checks) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  await until(async () => (await stateOf("decode-2"))?.ready === true);
  for (let i = 0; i < 4; i++) await ask(one.port, post(PLAIN));
  slow.finish();

  expect(answer).toEqual({ added: ["decode-2"], leaving: ["decode-0"], kept: ["prefill-0", "decode-1"] });
  expect(callsBefore).toEqual([1, 3, 0]);
  expect(leaving).toMatchObject({ leaving: true, draining: true, inFlight: 1 });
  expect([old, kept, added].map(({ calls }) => calls.length)).toEqual([1, 5, 2]);
  expect((await stream.answer()).body).toBe(FIRST + SECOND + DONE);
  await until(async () => (await state()).instances.length === 3);
  expect((await state()).instances.map(({ name }) => name)).toEqual(["prefill-0", "decode-1", "decode-2"]);
  await old.calls[0]?.closed;
});

test("reload: names are had by those whom they are given to, and what an instance is and has stays.", async () => {
  const slow = slowDecode();
  const engines = [
    await fakeEngine(goodPrefill),
    await fakeEngine(slow.script),
    await fakeEngine(goodDecode),
    await fakeEngine(goodDecode),
  ] as const;
  const [prefill, busy, moving, moved] = engines;
  let next: Endpoints = { prefill: [], decode: [] };
  const named = (name: string | undefined, { port }: FakeEngine) => ({ name, host: "127.0.0.1", port });
  const one = await rigOf([prefill], [busy, moving], {
    ...ADMIN,
    metrics: { host: "127.0.0.1", port: 0 },
    readEndpoints: () => next,
    health: { intervalMs: 20, timeoutMs: 1000 },
  });
  const { reload, state, stateOf, drain } = operator(one);
  const stream = await openStream(one);
  const names = async () => (await state()).instances.map(({ name, address }) => [name, address]);

  // As an `up` does that calls one otherwise and moves the other: first all that there will be, then those that stay.
  next = {
    prefill: [named("p", prefill)],
    decode: [named("old", busy), named("b", moving), named(undefined, moved)],
  };
  await reload();
  const announced = await names();
  next = { prefill: [named("p", prefill)], decode: [named("b", moved), named("a", busy)] };
  const { answer } = await reload();
  const settled = await names();
  const before = await stateOf("a");
  slow.finish();
  await stream.answer();
  await drain("b-2");
  const metrics = await (await fetch(`http://127.0.0.1:${one.metricsPort}/metrics`)).text();

  const at = (engine: FakeEngine) => `127.0.0.1:${engine.port}`;
  expect(announced).toEqual([
    ["p", at(prefill)],
    ["old", at(busy)],
    ["b", at(moving)],
    ["decode-2", at(moved)],
  ]);
  expect(answer).toEqual({ added: [], leaving: ["b-2"], kept: ["p", "b", "a"] });
  expect(settled).toContainEqual(["b", at(moved)]);
  expect(settled).toContainEqual(["a", at(busy)]);
  expect(before).toMatchObject({ inFlight: 1 });
  expect(one.events).toContainEqual(expect.objectContaining({ instance: "decode-0", renamed: "old" }));
  expect(metrics).toContain('ascend_pd_instance_served_total{role="decode",pd_instance="a"} 1');
});

test("A wish for an instance that there is not is refused with the name that was meant.", async () => {
  const one = await startRig({ decode: [goodDecode, goodDecode] }, ADMIN);

  const results = [await operator(one).drain("decode-O"), await operator(one).drain("x")];

  expect(results).toMatchObject([
    { status: 404, answer: { error: { fix: "did you mean decode-0?" } } },
    { status: 404, answer: { error: { fix: "name one of prefill-0, decode-0, decode-1" } } },
  ]);
});

test("reload: the last instance of a role serves until another one is ready.", async () => {
  const [prefill, old, added] = [
    await fakeEngine(goodPrefill),
    await fakeEngine(goodDecode),
    await fakeEngine(goodDecode),
  ];
  const { one, change } = await reloadable({ prefill: [prefill], decode: [old] });
  const { reload, state, stateOf } = operator(one);
  added.health = () => {};
  change([prefill], [added]);

  await reload();
  const meanwhile = await ask(one.port, post(PLAIN));
  added.health = old.health;
  await until(async () => (await state()).instances.length === 2);
  const afterwards = await ask(one.port, post(PLAIN));

  expect([meanwhile.status, afterwards.status]).toEqual([200, 200]);
  expect([old, added].map(({ calls }) => calls.length)).toEqual([1, 1]);
  expect(await stateOf("decode-1")).toMatchObject({ ready: true, address: `127.0.0.1:${added.port}` });
});

test("reload: an instance that is back before it has left stays, under its name.", async () => {
  const slow = slowDecode();
  const [prefill, first, second] = [
    await fakeEngine(goodPrefill),
    await fakeEngine(slow.script),
    await fakeEngine(goodDecode),
  ];
  const { one, change } = await reloadable({ prefill: [prefill], decode: [first, second] });
  const { reload, join: joinAgain, stateOf } = operator(one);
  await openStream(one);
  change([prefill], [second]);
  await reload();
  const refused = await joinAgain("decode-0");
  change([prefill], [first, second]);

  const { answer } = await reload();

  expect(refused).toMatchObject({ status: 409, answer: { error: { code: "conflict" } } });
  expect(answer).toEqual({ added: [], leaving: [], kept: ["prefill-0", "decode-0", "decode-1"] });
  expect(await stateOf("decode-0")).toMatchObject({ leaving: false, draining: false, inFlight: 1 });
});

test("reload: one that is gone and ill leaves, although none has taken its place yet.", async () => {
  const [prefill, old, added] = [
    await fakeEngine(goodPrefill),
    await fakeEngine(goodDecode),
    await fakeEngine(goodDecode),
  ];
  const { one, change } = await reloadable({ prefill: [prefill], decode: [old] });
  const { reload, state } = operator(one);
  added.health = () => {};
  change([prefill], [added]);
  await reload();

  await old.close();

  await until(async () => (await state()).instances.length === 2);
  expect((await state()).instances.map(({ name }) => name)).toEqual(["prefill-0", "decode-1"]);
});

test("reload: one that has left is asked no more, and what it still answers is not heard.", async () => {
  const [prefill, kept, gone] = [
    await fakeEngine(goodPrefill),
    await fakeEngine(goodDecode),
    await fakeEngine(goodDecode),
  ];
  const { one, change } = await reloadable({ prefill: [prefill], decode: [kept] });
  const { reload, state } = operator(one);
  const checks: EngineCall[] = [];
  gone.health = (call) => void checks.push(call);
  change([prefill], [kept, gone]);
  await reload();
  await until(() => checks.length > 0);
  change([prefill], [kept]);
  await reload();
  const left = (await state()).instances.length;

  for (const call of checks) answerJson(call, "{}");
  for (let i = 0; i < 10; i++) await ask(one.port, post(PLAIN));

  expect([left, checks.length, one.healthChanges]).toEqual([2, 1, 2]);
});

test("reload: what an operator has drained stays drained.", async () => {
  const engines = [await fakeEngine(goodPrefill), await fakeEngine(goodDecode), await fakeEngine(goodDecode)];
  const [prefill, first, second] = engines as [FakeEngine, FakeEngine, FakeEngine];
  const { one, change } = await reloadable({ prefill: [prefill], decode: [first, second] });
  const { drain, reload, stateOf } = operator(one);
  await drain("decode-0");
  change([prefill], [first, second]);

  await reload();

  expect(await stateOf("decode-0")).toMatchObject({ draining: true, ready: false });
});

test("reload: tables that are wrong change nothing and say why, from the admin port and by signal.", async () => {
  const [prefill, decode] = [await fakeEngine(goodPrefill), await fakeEngine(goodDecode)];
  const { one, spoil } = await reloadable({ prefill: [prefill], decode: [decode] });
  const before = await operator(one).state();
  spoil();

  const { status, answer } = await operator(one).reload();
  one.reload();

  const problems = [{ message: "the table is not JSON", fix: "mend it" }];
  expect([status, answer.error]).toMatchObject([422, { code: "invalid_tables", problems }]);
  expect(await operator(one).state()).toEqual(before);
  expect(one.events).toMatchObject([{ reloaded: false, problems }]);
});

test("Every wish and what came of it is logged.", async () => {
  const one = await startRig({ decode: [goodDecode, goodDecode] }, ADMIN);
  const { drain, join: joinAgain } = operator(one);

  await drain("decode-1");
  await drain("decode-1");
  await joinAgain("decode-1");

  expect(one.events).toEqual([
    { time: expect.any(String), instance: "decode-1", state: "draining" },
    { time: expect.any(String), instance: "decode-1", state: "joining" },
  ]);
});

test("An instance is named by its address too.", async () => {
  const one = await startRig({ decode: [goodDecode, goodDecode] }, ADMIN);

  const { answer } = await operator(one).drain(`127.0.0.1:${one.decode[1]?.port}`);

  expect(answer).toMatchObject({ instance: "decode-1", drained: true });
});

test.for([
  { path: "/nowhere", body: undefined, status: 404, code: "not_found" },
  { path: "/constructor", body: undefined, status: 404, code: "not_found" },
  { path: "/state", body: {}, status: 405, code: "method_not_allowed" },
  { path: "/drain", body: undefined, status: 405, code: "method_not_allowed" },
  { path: "/drain", body: {}, status: 400, code: "invalid_request" },
  { path: "/drain", body: [], status: 400, code: "invalid_request" },
  { path: "/drain", body: { instance: 0 }, status: 400, code: "invalid_request" },
  { path: "/drain", body: { instance: "decode-9" }, status: 404, code: "unknown_instance" },
  { path: "/join", body: { instance: "__proto__" }, status: 404, code: "unknown_instance" },
  { path: "/drain", body: { instance: "decode-0", deadline: -1 }, status: 400, code: "invalid_request" },
  { path: "/drain", body: { instance: "decode-0", deadline: "5" }, status: 400, code: "invalid_request" },
  { path: "/drain", body: { instance: "decode-0", deadline: 1e9 }, status: 400, code: "invalid_request" },
  { path: "/drain", body: { instance: "decode-0", force: 1 }, status: 400, code: "invalid_request" },
  { path: "/drain", body: { instance: "decode-0", dedline: 1 }, status: 400, code: "invalid_request" },
  { path: "/reload", body: { nodePorts: [8088] }, status: 400, code: "invalid_request" },
  { path: "/join", body: { instance: "x".repeat(70_000) }, status: 413, code: "body_too_large" },
])(
  "$path with $body is $status, with a way out, and changes nothing.",
  async ({ path, body, status, code }) => {
    const one = await startRig({}, ADMIN);
    const { send, state } = operator(one);
    const before = await state();

    const result = await send(path, body);

    expect([result.status, result.answer]).toMatchObject([
      status,
      { error: { code, message: expect.stringMatching(/./), fix: expect.stringMatching(/./) } },
    ]);
    expect(await state()).toEqual(before);
  },
);

test.for([
  { name: "a form of a web page", headers: { "Content-Type": "text/plain" }, status: 415 },
  { name: "a name that a web page points here", headers: { Host: "evil.example" }, status: 403 },
  { name: "a name that only looks right", headers: { Host: "127.0.0.1.evil.example" }, status: 403 },
])("$name cannot drain an instance.", async ({ headers, status }) => {
  const one = await startRig({ decode: [goodDecode, goodDecode] }, ADMIN);

  const answered = await new Promise<number | undefined>((resolve, reject) => {
    const call = httpRequest(
      {
        port: one.adminPorts[0],
        host: "127.0.0.1",
        path: "/drain",
        method: "POST",
        agent: false,
        headers: { "Content-Type": "application/json", ...headers },
      },
      (response) => resolve(response.statusCode),
    );
    call.on("error", reject);
    call.end('{"instance":"decode-0"}');
  });

  expect(answered).toBe(status);
  expect(await operator(one).stateOf("decode-0")).toMatchObject({ draining: false });
});

test("The client port serves none of it.", async () => {
  const one = await startRig({}, ADMIN);

  for (const path of ["/state", "/drain", "/join", "/reload"]) {
    const answers = [await ask(one.port, get(path)), await ask(one.port, post("{}", path))];
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  }
});

test("The admin port is one of the loopback interface.", async () => {
  const one = await startRig({}, { ...ADMIN, host: "0.0.0.0" });

  const { stdout } = spawnSync("cat", ["/proc/net/tcp"], { encoding: "utf8" });
  const hex = (one.adminPorts[0] ?? 0).toString(16).toUpperCase().padStart(4, "0");

  expect(stdout).toContain(` 0100007F:${hex} 00000000:0000 0A`);
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scheduler-admin-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function stateOver(socketPath: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ socketPath, path: "/state", agent: false }, (response) => {
      text(response).then((answer) => resolve(JSON.parse(answer)), reject);
    });
    call.on("error", reject);
    call.end();
  });
}

test("On a Unix socket only its user is served, and it is gone afterwards.", async () => {
  const socket = join(temporaryFolder(), "admin.sock");
  const one = await startRig({}, { admin: [{ socket }] });

  const state = await stateOver(socket);
  const { mode } = statSync(socket);
  await one.drain();

  expect(state).toMatchObject({ ready: true, instances: [{ name: "prefill-0" }, { name: "decode-0" }] });
  expect(mode & 0o777).toBe(0o600);
  expect(existsSync(socket)).toBe(false);
});

test("A socket that a killed process has left is replaced.", async () => {
  const socket = join(temporaryFolder(), "admin.sock");
  const program = `require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", program]);
  expect(existsSync(socket)).toBe(true);

  await startRig({}, { admin: [{ socket }] });

  expect(await stateOver(socket)).toMatchObject({ ready: true });
});

test("A socket that is served, and a file that is none, are left alone: the start fails.", async () => {
  const [served, file] = [join(temporaryFolder(), "admin.sock"), join(temporaryFolder(), "file")];
  const other = createServer().listen(served);
  onTestFinished(() => void other.close());
  writeFileSync(file, "precious");

  const starts = [served, file, "/nowhere/admin.sock"].map((socket) => startRig({}, { admin: [{ socket }] }));
  const errors = await Promise.all(starts.map((start) => start.catch((error: Error) => error.message)));

  expect(errors).toEqual([
    `cannot listen on ${served}: another process listens there`,
    `cannot listen on ${file}: something else is there`,
    expect.stringMatching(/^cannot listen on \/nowhere\/admin\.sock: /),
  ]);
  expect([existsSync(served), statSync(file).size]).toEqual([true, 8]);
});
