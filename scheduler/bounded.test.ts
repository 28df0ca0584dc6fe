import { spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { ask, type Client, client, get, PLAIN, post, STREAM, until } from "./testing/client.ts";
import { chunked, DONE, EVENTS, type Script, STREAM_HEAD } from "./testing/engine.ts";
import { command, portOf, start, temporaryFolder } from "./testing/process.ts";
import { startRig } from "./testing/rig.ts";

/*
 * Rules 42 and 44: what the process may have of everything, and each client of that. Limits are counted, not timed: a test
 * asks for more than there is, and sees who is answered what.
 */

const MIB = 1024 * 1024;

const metric = async (port: number | undefined, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
};

const metrics = { host: "127.0.0.1", port: 0 };

/** Has begun to send a body of `declared` bytes, of which `sent` are there. */
async function unfinished(port: number, declared: number, sent: number, address?: string): Promise<Client> {
  const one = await client(port, address);
  one.send(
    `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${declared}\r\n\r\n`,
  );
  one.send(Buffer.alloc(sent, "x"));
  return one;
}

test("Rule 42: a connection beyond --max-connections is answered 503 and closed, and the next one that fits is served.", async () => {
  const rig = await startRig({}, { maxConnections: 4, metrics });
  const idle = await Promise.all(Array.from({ length: 4 }, () => client(rig.port)));
  await until(async () => (await metric(rig.metricsPort, "ascend_pd_connections")) === 4);

  const refused = await client(rig.port);
  refused.send(post(PLAIN));
  const answer = await refused.answer();
  await refused.ended();

  expect(answer.status).toBe(503);
  expect(answer.json().error.code).toBe("overloaded");
  expect(answer.header("retry-after")).toBe("1");
  expect(await metric(rig.metricsPort, "ascend_pd_connections_refused_total")).toBe(1);
  await until(() => rig.events.some(({ refused, why }) => refused === 1 && `${why}`.includes("connections")));
  idle[0]?.socket.destroy();
  await until(async () => (await metric(rig.metricsPort, "ascend_pd_connections")) === 3);
  expect((await ask(rig.port, post(PLAIN))).status).toBe(200);
});

test("Rule 42: connections that are turned away in a crowd are all closed, and are no leak.", async () => {
  const rig = await startRig({}, { maxConnections: 4, metrics });
  const kept = await Promise.all(Array.from({ length: 4 }, () => client(rig.port)));
  const crowd = await Promise.all(Array.from({ length: 200 }, () => client(rig.port)));

  await Promise.all(crowd.map((one) => one.ended()));

  expect(await metric(rig.metricsPort, "ascend_pd_connections_refused_total")).toBe(200);
  for (const one of kept) one.socket.destroy();
  await until(async () => (await metric(rig.metricsPort, "ascend_pd_connections")) === 0);
  expect((await ask(rig.port, post(PLAIN))).status).toBe(200);
});

test("Rule 44: a client address has its share of connections, and another one gets the rest.", async () => {
  const rig = await startRig({}, { maxConnections: 8, clientShare: 0.5, metrics });
  await Promise.all(Array.from({ length: 4 }, () => client(rig.port)));
  await until(async () => (await metric(rig.metricsPort, "ascend_pd_connections")) === 4);

  const greedy = await client(rig.port);
  greedy.send(post(PLAIN));
  const other = await client(rig.port, "127.0.0.2");
  other.send(post(PLAIN));

  const answer = await greedy.answer();
  expect(answer.status).toBe(429);
  expect(answer.json().error.code).toBe("too_many_requests");
  expect(answer.header("retry-after")).toBe("1");
  expect((await other.answer()).status).toBe(200);
});

test("Rule 42: bodies that are not all there have one limit together, and are nothing once their clients have left.", async () => {
  const rig = await startRig({}, { maxBodyBytes: MIB, maxBufferedBytes: 4 * MIB, metrics });
  const clients: Client[] = [];
  const refusals: Promise<number>[] = [];
  for (let at = 0; at < 12; at++) {
    const one = await unfinished(rig.port, MIB, 0.9 * MIB);
    clients.push(one);
    refusals.push(one.answer().then(({ status }) => status));
  }

  const first = await Promise.race(refusals);
  const buffered = await metric(rig.metricsPort, "ascend_pd_buffered_bytes");
  await until(async () => rig.log.filter(({ outcome }) => outcome === "overloaded").length >= 8);

  expect(first).toBe(503);
  expect(buffered).toBeLessThanOrEqual(4 * MIB);
  for (const one of clients) one.socket.destroy();
  await Promise.allSettled(refusals);
  await until(async () => (await metric(rig.metricsPort, "ascend_pd_buffered_bytes")) === 0);
  expect((await ask(rig.port, post(PLAIN))).status).toBe(200);
});

test("Rule 44: a client address has its share of memory, and another one is served beside it.", async () => {
  const rig = await startRig({}, { maxBodyBytes: MIB, maxBufferedBytes: 8 * MIB, clientShare: 0.25 });
  const greedy = await Promise.all(Array.from({ length: 3 }, () => unfinished(rig.port, MIB, 0.9 * MIB)));

  const refused = await Promise.race(greedy.map((one) => one.answer()));
  const other = await client(rig.port, "127.0.0.2");
  other.send(post(`{"prompt":"${"x".repeat(MIB / 2)}"}`));

  expect(refused.status).toBe(429);
  expect(refused.json().error.code).toBe("too_many_requests");
  expect((await other.answer()).status).toBe(200);
});

test("Rule 42: bodies that wait for their legs count until decode answers.", async () => {
  const waiting: (() => void)[] = [];
  const slow: Script = (call) => {
    call.socket.write(STREAM_HEAD + chunked(EVENTS[0] ?? ""));
    waiting.push(() => call.socket.write(`${chunked(DONE)}0\r\n\r\n`));
  };
  const asked: (() => void)[] = [];
  const rig = await startRig(
    {
      prefill: [
        (call) => {
          const body = '{"kv_transfer_params":{"x":1}}';
          asked.push(() =>
            call.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
          );
        },
      ],
      decode: [slow],
    },
    { metrics },
  );
  const one = await client(rig.port);
  one.send(post(`{"stream":true,"prompt":"${"x".repeat(MIB)}"}`));
  await rig.prefill[0]?.call(1);
  const whileAsked = await metric(rig.metricsPort, "ascend_pd_buffered_bytes");

  for (const answer of asked) answer();
  await one.received((text) => text.includes("data: "));
  const whileStreaming = await metric(rig.metricsPort, "ascend_pd_buffered_bytes");
  for (const end of waiting) end();
  await one.answer();

  expect(whileAsked).toBeGreaterThan(MIB);
  expect(whileStreaming).toBe(0);
});

/** An endless stream of events of 16 KiB, as fast as they are taken. */
const endless: Script = ({ socket }) => {
  socket.write(STREAM_HEAD);
  const event = chunked(`data: {"x":"${"x".repeat(16 * 1024)}"}\n\n`);
  const write = () => {
    while (socket.writable && socket.write(event));
  };
  socket.on("drain", write);
  write();
};

test("Rule 42: answers that nobody reads have one limit together: who has stalled for longest goes.", async () => {
  const most = MIB;
  const limits = { maxBodyBytes: 1024, maxBufferedBytes: most };
  // Nobody goes for having stalled for long.
  const timeouts = { stalledClientMs: 600_000 };
  const rig = await startRig({ decode: [endless] }, { ...limits, timeouts, metrics });
  const buffered = () => metric(rig.metricsPort, "ascend_pd_buffered_bytes");
  /** Until it holds what a stalled client does, or another one had to go for it. */
  const stall = async (name: string) => {
    const before = await buffered();
    const one = await client(rig.port);
    one.socket.pause();
    one.send(post(STREAM, "/v1/completions", `X-Request-Id: ${name}`));
    await until(async () => rig.log.length > 0 || (await buffered()) >= before + 64 * 1024);
  };
  await stall("first");

  while (rig.log.length === 0) await stall("later");
  const { id, outcome } = await rig.logged(1);

  expect([id.split("-")[0], outcome]).toEqual(["first", "client_stalled"]);
  expect(await buffered()).toBeLessThanOrEqual(most);
  const reader = await client(rig.port);
  let read = 0;
  reader.socket.on("data", ({ length }) => {
    read += length;
  });
  reader.send(post(STREAM));
  await until(() => read > 2 * MIB);
});

test("Rule 44: idle clients at the limit of open files take none from health checks, engines and operators.", async () => {
  const folder = temporaryFolder();
  const flags = ["--metrics-port=0", "--client-share=100", "--health-interval=0.05"];
  const { words, env, decode } = await command(folder, flags);
  const child = start(["sh", "-c", 'ulimit -n 260; exec "$0" "$@"', ...words], env, "pipe");
  let output = "";
  child.stderr?.on("data", (bytes) => {
    output += bytes;
  });
  let said = "";
  child.stdout?.on("data", (bytes) => {
    said += bytes;
  });
  const port = await portOf(child);
  child.stdout?.resume();
  await until(async () => (await ask(port, get("/readyz"))).status === 200);

  const idle = await Promise.all(Array.from({ length: 300 }, () => client(port)));
  onTestFinished(() => {
    for (const one of idle) one.socket.destroy();
  });
  const checks = decode.connections.accepted;
  await until(() => decode.connections.accepted > checks + 10);
  const metricsPort = Number(/^metrics on \S+:(\d+)/m.exec(said)?.[1]);
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  for (const one of idle) one.socket.destroy();
  await until(async () => (await ask(port, post(PLAIN)).catch(() => ({ status: 0 }))).status === 200);

  expect(text).toMatch(/^ascend_pd_ready 1$/m);
  expect(Number(/^ascend_pd_connections_refused_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(200);
  expect(output).not.toContain('"healthy":false');
  expect(output).toMatch(/"maxConnections":\d+,"why":"this process may have 260 files open/);
});

test("Rule 44: an instance that cannot be asked for want of a file is not blamed, and the log says EMFILE.", async () => {
  const { words, env, prefill, decode } = await command(temporaryFolder(), ["--health-interval=0.05"]);
  const child = start(words, env, "pipe");
  let log = "";
  child.stderr?.on("data", (bytes) => {
    log += bytes;
  });
  const port = await portOf(child);
  await until(async () => (await ask(port, get("/readyz"))).status === 200);
  const mayOpen = (files: number) =>
    spawnSync("prlimit", [`--pid=${child.pid}`, `--nofile=${files}:`]).status;

  const early = await client(port);
  expect(mayOpen(4)).toBe(0);
  await until(() => log.includes('"watching":false'));
  early.send(post(PLAIN));
  const refused = await early.answer();
  expect(mayOpen(1024)).toBe(0);
  await until(() => log.includes('"watching":true'));
  const [served, ready] = [await ask(port, post(PLAIN)), await ask(port, get("/readyz"))];

  expect(refused.status).toBe(503);
  expect(refused.json().error.code).toBe("overloaded");
  expect(log).toContain("EMFILE");
  expect(log).not.toContain('"healthy":false');
  expect([prefill.calls.length, decode.calls.length]).toEqual([1, 1]);
  expect([served.status, ready.status]).toEqual([200, 200]);
});
