import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { ListenError } from "./listen.ts";
import { ask, type Client, client, get, PLAIN, post, STREAM, until } from "./testing/client.ts";
import {
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
} from "./testing/engine.ts";
import { type Overrides, operator, type Rig, startRig } from "./testing/rig.ts";

const WORKERS = 3;
const THREADED: Overrides = {
  workers: WORKERS,
  admin: [{ port: 0 }],
  metrics: { host: "127.0.0.1", port: 0 },
};
const [FIRST = "", SECOND = ""] = EVENTS;

/** Streams one event, and the rest at `finish`. */
const begin: Script = ({ socket }) => void socket.write(STREAM_HEAD + chunked(FIRST));
const finish = ({ socket }: EngineCall) => socket.write(`${chunked(SECOND + DONE)}0\r\n\r\n`);

/** Sockets that listen on a port of IPv4, as the kernel tells (`proc_net_tcp`). */
function listeners(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const LISTEN = "0A";
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === LISTEN).length;
}

/** A stream on a connection of its own, so that the kernel chooses its thread, with its first event. */
async function openStream({ port }: Rig): Promise<Client> {
  const one = await client(port);
  one.send(post(STREAM));
  await one.received((text) => text.includes(FIRST));
  return one;
}

async function openStreams(one: Rig, count: number): Promise<Client[]> {
  const streams: Client[] = [];
  for (let i = 0; i < count; i++) streams.push(await openStream(one));
  return streams;
}

async function metric({ metricsPort }: Rig, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
}

const counts = (engines: readonly FakeEngine[]) => engines.map(({ calls }) => calls.length);

test("Each worker listens on the one port and serves.", async () => {
  const one = await startRig({}, THREADED);

  const answers = await Promise.all(Array.from({ length: 48 }, () => ask(one.port, post(PLAIN))));

  expect(listeners(one.port)).toBe(WORKERS);
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set([PLAIN_ANSWER]));
  expect(new Set(answers.map((answer) => answer.header("x-request-id"))).size).toBe(48);
});

test("All workers count an instance's requests together: the next one goes where the fewest are.", async () => {
  const one = await startRig({ decode: [begin, begin] }, THREADED);
  const [first, second] = one.decode as [FakeEngine, FakeEngine];
  const streams = await openStreams(one, 12);

  first.calls.forEach(finish);
  await one.logged(6);
  const before = counts(one.decode);
  await openStreams(one, 6);

  expect(streams).toHaveLength(12);
  expect(before).toEqual([6, 6]);
  expect(counts([first, second])).toEqual([12, 6]);
});

test("Prefill instances have their turns over all workers.", async () => {
  const one = await startRig({ prefill: [goodPrefill, goodPrefill, goodPrefill] }, THREADED);

  for (let i = 0; i < 30; i++) await ask(one.port, post(PLAIN));

  expect(counts(one.prefill)).toEqual([10, 10, 10]);
});

test("An instance that drains gets nothing from any worker, and is drained when none needs it.", async () => {
  const one = await startRig({ decode: [begin, begin] }, THREADED);
  const { drain, join, stateOf } = operator(one);
  await openStreams(one, 12);
  const [first] = one.decode;

  const draining = drain("decode-0");
  await until(async () => (await stateOf("decode-0"))?.draining === true);
  await openStreams(one, 12);
  const during = counts(one.decode);
  first?.calls.forEach(finish);
  const { answer } = await draining;
  await join("decode-0");
  await openStreams(one, 12);

  expect(during).toEqual([6, 18]);
  expect(answer).toMatchObject({ drained: true, ended: "idle", inFlight: 0 });
  expect(counts(one.decode)).toEqual([18, 18]);
});

test("A reload reaches every worker: the new instance serves, the old one leaves without a lost stream.", async () => {
  const late = await fakeEngine(goodDecode);
  const endpoint = ({ port }: FakeEngine) => ({ host: "127.0.0.1", port });
  const one = await startRig(
    { decode: [begin] },
    {
      ...THREADED,
      readEndpoints: () => ({ prefill: one.prefill.map(endpoint), decode: [endpoint(late)] }),
    },
  );
  const streams = await openStreams(one, 6);

  one.reload();
  const { state } = operator(one);
  await until(async () => (await state()).instances.some(({ name, ready }) => name === "decode-1" && ready));
  const answers = await Promise.all(Array.from({ length: 24 }, () => ask(one.port, post(PLAIN))));
  one.decode[0]?.calls.forEach(finish);
  const streamed = await Promise.all(streams.map((stream) => stream.answer()));
  await until(() => one.events.some(({ instance, state }) => instance === "decode-0" && state === "left"));

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(late.calls).toHaveLength(24);
  expect(streamed.map(({ body, whole }) => [body, whole])).toEqual(
    streamed.map(() => [FIRST + SECOND + DONE, true]),
  );
});

/** Asks until the worker that has this connection says that it drains. */
async function saysThatItDrains(connection: Client): Promise<boolean> {
  for (;;) {
    connection.send(get("/readyz"));
    const { draining } = (await connection.answer()).json();
    if (draining === true) return true;
  }
}

test("Rule 23: every worker drains, none before its requests are over.", async () => {
  const one = await startRig({ decode: [begin] }, THREADED);
  const streams = await openStreams(one, 12);
  const idle = await Promise.all(Array.from({ length: 12 }, () => client(one.port)));

  const drained = one.drain();
  await Promise.all(idle.map(saysThatItDrains));
  one.decode[0]?.calls.forEach(finish);
  const streamed = await Promise.all(streams.map((stream) => stream.answer()));
  await drained;

  expect(streamed.map(({ body, whole }) => [body, whole])).toEqual(
    streamed.map(() => [FIRST + SECOND + DONE, true]),
  );
  expect(one.log.map(({ outcome }) => outcome)).toEqual(streams.map(() => "ok"));
  expect(listeners(one.port)).toBe(0);
});

/** A program whose first thread that sees `file` dies as of a bug, or does what `fate` says. */
function mortalProgram(fate = 'throw new Error("killed by the test");'): { program: URL; kill(): void } {
  const folder = mkdtempSync(join(tmpdir(), "scheduler-threads-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "die");
  const program = join(folder, "program.ts");
  writeFileSync(
    program,
    `import { renameSync, existsSync } from "node:fs";
import { serveInThread } from ${JSON.stringify(new URL("./threads.ts", import.meta.url).href)};
const file = ${JSON.stringify(file)};
setInterval(() => {
  if (!existsSync(file)) return;
  try { renameSync(file, file + ".seen"); } catch { return; }
  ${fate}
}, 5).unref();
await serveInThread();
`,
  );
  return { program: pathToFileURL(program), kill: () => writeFileSync(file, "") };
}

test("A worker that dies takes its own requests with it and nothing else; another takes its place.", async () => {
  const { program, kill } = mortalProgram();
  const one = await startRig({ decode: [begin] }, { ...THREADED, program });
  const streams = await openStreams(one, 24);
  const answers = streams.map((stream) => stream.answer());
  const eventsBefore = await metric(one, "ascend_pd_events_total");

  kill();
  await until(() => one.events.some(({ died }) => died !== undefined));
  const inFlight = Number((await operator(one).stateOf("decode-0"))?.inFlight);
  await until(() => listeners(one.port) === WORKERS);
  one.decode[0]?.calls.forEach(finish);
  const streamed = await Promise.all(answers);
  const later = await Promise.all(Array.from({ length: 24 }, () => openStream(one)));

  const whole = streamed.filter((answer) => answer.whole);
  expect(eventsBefore).toBe(24);
  expect(inFlight).toBeLessThan(24);
  expect(whole).toHaveLength(inFlight);
  expect(later).toHaveLength(24);
  expect(one.events).toContainEqual({
    time: expect.any(String),
    worker: expect.any(Number),
    died: expect.stringContaining("killed by the test"),
  });
  expect(await metric(one, "ascend_pd_worker_deaths_total")).toBe(1);
  expect(await metric(one, "ascend_pd_requests_in_flight")).toBe(24);
  expect(await metric(one, "ascend_pd_events_total")).toBe(24 + inFlight + 24);
});

test("What a worker has logged is not lost when it dies.", async () => {
  const { program, kill } = mortalProgram();
  const one = await startRig({}, { ...THREADED, program });
  await Promise.all(Array.from({ length: 24 }, () => ask(one.port, post(PLAIN))));

  kill();
  await until(() => one.events.some(({ died }) => died !== undefined));
  await one.logged(24);

  expect(one.log.map(({ outcome }) => outcome)).toEqual(Array(24).fill("ok"));
});

test("A worker that dies while it drains is told of, and the others finish.", async () => {
  const { program, kill } = mortalProgram();
  const one = await startRig({ decode: [begin] }, { ...THREADED, program });
  const streams = await openStreams(one, 24);
  const idle = await Promise.all(Array.from({ length: 24 }, () => client(one.port)));
  const drained = one.drain();
  await Promise.all(idle.map(saysThatItDrains));

  kill();
  await until(() => one.events.some(({ died }) => String(died).includes("killed by the test")));
  const deaths = await metric(one, "ascend_pd_worker_deaths_total");
  const inFlight = await metric(one, "ascend_pd_requests_in_flight");
  one.decode[0]?.calls.forEach(finish);
  const streamed = await Promise.all(streams.map((stream) => stream.answer()));
  await drained;

  expect(deaths).toBe(1);
  expect(streamed.filter(({ whole }) => whole)).toHaveLength(inFlight);
  expect(listeners(one.port)).toBe(0);
});

test("A thread that hangs while it serves is replaced, and the log says why; others go on.", async () => {
  const { program, kill } = mortalProgram("for (;;);");
  const one = await startRig({}, { ...THREADED, program });

  kill();
  await until(() => one.events.some(({ died }) => died !== undefined));
  // One that it had taken on may be lost with it; its successor and the others answer.
  await until(async () => (await ask(one.port, post(PLAIN))).status === 200);

  expect(one.events).toContainEqual(expect.objectContaining({ died: "it hung: no sign of life for 10 s" }));
  expect(await metric(one, "ascend_pd_worker_deaths_total")).toBe(1);
});

test("Rule 23: a worker that hangs does not keep the others from ending.", async () => {
  const { program, kill } = mortalProgram("for (;;);");
  const one = await startRig({}, { ...THREADED, program, timeouts: { drainMs: 10 } });

  kill();
  await until(() => existsSync(`${fileURLToPath(new URL("die", program))}.seen`));
  await one.drain();

  expect(one.events).toMatchObject([{ died: "it ended with code 1" }]);
});

test("A worker that cannot be started is started later.", async () => {
  const { program, kill } = mortalProgram();
  const one = await startRig({}, { ...THREADED, program });

  // No such file can be run: the start fails as it does when the kernel has no more threads.
  program.hostname = "nowhere";
  kill();
  await until(() => one.events.filter(({ died }) => died !== undefined).length === 2);
  program.hostname = "";
  await until(() => listeners(one.port) === WORKERS);

  expect(one.events.map(({ died }) => died)).toEqual([
    expect.stringContaining("killed by the test"),
    expect.stringContaining("File URL host"),
  ]);
});

test("A port on which another process listens is not shared with it.", async () => {
  const other = await startRig({}, THREADED);
  const plain = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void plain.close());
  await new Promise((resolve) => plain.once("listening", resolve));
  const taken = [other.port, (plain.address() as { port: number }).port];

  for (const port of taken) {
    const failure = await startRig({}, { ...THREADED, port }).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(ListenError);
    expect(failure).toMatchObject({
      message: `cannot listen on 127.0.0.1 port ${port}: another process listens there`,
    });
  }
});
