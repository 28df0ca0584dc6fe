import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Deadlines } from "../data/deadlines.ts";
import { ask, askWhole } from "../engine/ask.ts";
import { engineRequest } from "../engine/request.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { answerJson, type EngineCall, fakeEngine, goodPrefill } from "../testing/engine.ts";
import { Connector } from "../trust/tls.ts";
import { Account } from "./account.ts";
import { Instance } from "./instances.ts";
import { Lines } from "./lines.ts";

function instanceAt(port: number, connectMs: number): { instance: Instance; deadlines: Deadlines } {
  const deadlines = new Deadlines();
  onTestFinished(() => deadlines.close());
  const member = {
    role: "prefill",
    name: "prefill-0",
    id: 0,
    place: 0,
    memory: Account.allocate(1),
    host: "127.0.0.1",
    port,
  } as const;
  const surroundings = {
    deadlines,
    connectMs,
    lines: new Lines(),
    hosts: new Set<string>(),
    authorization: "",
    connector: new Connector(undefined),
    becameIdle: () => {},
  };
  const instance = new Instance(member, { threads: 1, thread: 0 }, surroundings);
  onTestFinished(() => instance.pool.close());
  return { instance, deadlines };
}

function question({ instance, deadlines }: ReturnType<typeof instanceAt>, fresh = false, body?: Buffer) {
  const request = engineRequest(instance, "/v1/models", "id", "", body && [body]);
  return { instance, request, deadlines, limitMs: 20_000, fresh, stop: new StopSignal() };
}

/** Resolves when the event loop has looked whether anything has come on a connection that was just kept. */
async function looked(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A port whose process accepts nothing, and whose queue is full: a connect hangs as to a host that is gone. */
async function silentPort(): Promise<number> {
  const program = `require("net").createServer().listen({port: 0, host: "127.0.0.1", backlog: 1}, function () {
    require("fs").writeSync(1, String(this.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  })`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [port] = await once(child.stdout, "data");
  for (let i = 0; i < 2; i++) {
    const filler = connect(Number(port), "127.0.0.1");
    onTestFinished(() => void filler.destroy());
    await once(filler, "connect");
  }
  return Number(port);
}

test("Rule 15: an attempt to connect that nobody answers ends at its limit.", async () => {
  const rig = instanceAt(await silentPort(), 100);

  const failure = await askWhole(question(rig), 1000).catch((error: unknown) => error);

  expect(failure).toMatchObject({ code: "prefill_unreachable", detail: "not connected within 100 ms" });
});

test("An idle connection is kept, used again, and gone when the engine closes it.", async () => {
  const engine = await fakeEngine(goodPrefill);
  const rig = instanceAt(engine.port, 1000);

  await askWhole(question(rig), 1000);
  const kept = rig.instance.pool.idleCount;
  await looked();
  await askWhole(question(rig), 1000);
  engine.calls[1]?.socket.end();
  while (rig.instance.pool.idleCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));

  expect(kept).toBe(1);
  expect(engine.connections.accepted).toBe(1);
});

test.for([
  { hint: "timeout=2", engineMs: 2000 },
  { hint: "timeout=100", engineMs: 5000 },
  { hint: "timeout=soon", engineMs: 5000 },
])("An engine that says Keep-Alive: $hint never closes first.", async ({ hint, engineMs }) => {
  const engine = await fakeEngine((call) => answerJson(call, "{}", "200 OK", `Keep-Alive: ${hint}`));
  const rig = instanceAt(engine.port, 1000);

  await askWhole(question(rig), 1000);
  const kept = rig.instance.pool.idleCount;
  const first = await Promise.race([
    engine.calls[0]?.closed.then(() => "scheduler"),
    new Promise((resolve) => setTimeout(resolve, engineMs, "engine")),
  ]);

  expect(kept).toBe(1);
  expect(first).toBe("scheduler");
});

test.for(["timeout=1", "timeout=0", "max=0", "timeout=5, max=0"])(
  "A connection is not used again after Keep-Alive: %s.",
  async (hint) => {
    const engine = await fakeEngine((call) => answerJson(call, "{}", "200 OK", `Keep-Alive: ${hint}`));
    const rig = instanceAt(engine.port, 1000);

    await askWhole(question(rig), 1000);
    await looked();
    await askWhole(question(rig), 1000);

    expect(engine.connections.accepted).toBe(2);
  },
);

test("An engine gets as many more requests on a connection as it said once, then another connection.", async () => {
  const engine = await fakeEngine((call) =>
    answerJson(call, "{}", "200 OK", ...(engine.calls.length === 1 ? ["Keep-Alive: max=2"] : [])),
  );
  const rig = instanceAt(engine.port, 1000);

  for (let i = 0; i < 4; i++) {
    await askWhole(question(rig), 1000);
    await looked();
  }

  const sockets = engine.calls.map(({ socket }) => socket);
  expect(new Set(sockets.slice(0, 3)).size).toBe(1);
  expect(engine.connections.accepted).toBe(2);
});

test("A fresh question does not use a kept connection.", async () => {
  const engine = await fakeEngine(goodPrefill);
  const rig = instanceAt(engine.port, 1000);

  await askWhole(question(rig), 1000);
  await looked();
  await askWhole(question(rig, true), 1000);

  expect(engine.connections.accepted).toBe(2);
});

test("A request that stops before it starts is never sent.", async () => {
  const engine = await fakeEngine(goodPrefill);
  const rig = instanceAt(engine.port, 1000);
  const one = question(rig);
  const left = new Error("left");

  one.stop.stop(left as never);
  const failure = await askWhole(one, 1000).catch((error: unknown) => error);

  expect(failure).toBe(left);
  expect(engine.connections.accepted).toBe(0);
});

test.for([
  { how: "is answered", script: (call: EngineCall) => answerJson(call, "{}") },
  { how: "fails", script: (call: EngineCall) => call.socket.destroy() },
])("No deadline outlives a question that $how.", async ({ script }) => {
  const engine = await fakeEngine(script);
  const rig = instanceAt(engine.port, 1000);

  await askWhole(question(rig), 1000).catch(() => {});
  rig.instance.pool.close();
  while (rig.instance.pool.idleCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));

  expect(rig.deadlines.size).toBe(0);
});

test("Rule 48: a connection is not used again before the event loop has looked at it, nor with bytes on it.", async () => {
  const engine = await fakeEngine(goodPrefill);
  const rig = instanceAt(engine.port, 1000);

  await askWhole(question(rig), 1000);
  await askWhole(question(rig), 1000);
  const [first, second] = engine.calls.map(({ socket }) => socket);
  second?.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
  await engine.calls[1]?.closed;
  await askWhole(question(rig), 1000);

  expect(second).not.toBe(first);
  expect(engine.calls[2]?.socket).toBe(first);
});

test("Bytes on a kept connection that nobody asked for end it.", async () => {
  const engine = await fakeEngine(goodPrefill);
  const rig = instanceAt(engine.port, 1000);
  await askWhole(question(rig), 1000);
  // Without deadlines it would be kept for ever.
  rig.deadlines.close();

  engine.calls[0]?.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
  await engine.calls[0]?.closed;

  expect(rig.instance.pool.idleCount).toBe(0);
});

test("A connection whose reader paused it at the very end can be used again.", async () => {
  const engine = await fakeEngine(goodPrefill);
  const rig = instanceAt(engine.port, 1000);

  await ask(question(rig), { data: (_, flow) => flow.pause(), end() {} });
  await looked();
  const answer = await askWhole(question(rig), 1000);

  expect(answer.length).toBeGreaterThan(0);
  expect(engine.connections.accepted).toBe(1);
});

test("A connection whose engine answered before it had the whole request is not used again.", async () => {
  let accepted = 0;
  const engine = createServer((socket) => {
    accepted++;
    // Reads no further, so that most of a large request stays with the scheduler.
    socket.once("data", () => socket.pause().write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    socket.on("error", () => {});
    onTestFinished(() => void socket.destroy());
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void engine.close());
  await once(engine, "listening");
  const rig = instanceAt((engine.address() as AddressInfo).port, 1000);

  await askWhole(question(rig, false, Buffer.alloc(16 * 1024 ** 2, " ")), 1000);
  const kept = rig.instance.pool.idleCount;
  await askWhole(question(rig), 1000);

  expect(kept).toBe(0);
  expect(accepted).toBe(2);
});
