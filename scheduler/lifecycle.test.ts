import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { ask, client, get, PLAIN, post, STREAM } from "./testing/client.ts";
import {
  chunked,
  DONE,
  type EngineCall,
  EVENTS,
  fakeEngine,
  goodDecode,
  goodPrefill,
  PLAIN_ANSWER,
  STREAM_HEAD,
} from "./testing/engine.ts";
import { startRig } from "./testing/rig.ts";

const [FIRST = "", SECOND = ""] = EVENTS;

test("Rule 23: requests in flight finish, new ones get a 503 with Connection: close.", async () => {
  let call: EngineCall | undefined;
  const { port, decode, drain } = await startRig({
    decode: [
      (one) => {
        call = one;
        one.socket.write(STREAM_HEAD + chunked(FIRST));
      },
    ],
  });
  const [running, kept] = [await client(port), await client(port)];
  running.send(post(STREAM));
  await decode[0]?.call(1);
  await running.received((text) => text.includes(FIRST));

  const drained = drain();
  kept.send(post(PLAIN));
  const refused = [await kept.answer(), await ask(port, post(PLAIN))];
  const probes = [await ask(port, get("/readyz")), await ask(port, get("/livez"))];
  call?.socket.write(`${chunked(SECOND + DONE)}0\r\n\r\n`);
  const answer = await running.answer();
  await drained;

  for (const one of refused) {
    expect(one.status).toBe(503);
    expect(one.header("connection")).toBe("close");
    expect(one.json().error.code).toBe("shutting_down");
  }
  expect(probes.map(({ status }) => status)).toEqual([503, 200]);
  expect(probes.map((probe) => probe.header("connection"))).toEqual(["close", "close"]);
  expect(answer.body).toBe(FIRST + SECOND + DONE);
  await expect(ask(port, get("/livez"))).rejects.toThrow();
});

test("Rule 23: at the drain limit a stream ends with an error event, another request with a 503.", async () => {
  const { port, decode, drain, log } = await startRig(
    {
      decode: [
        ({ socket, body }) =>
          body === undefined || (JSON.parse(body).stream && socket.write(STREAM_HEAD + chunked(FIRST))),
      ],
    },
    { timeouts: { drainMs: 100, requestBodyMs: 600_000 } },
  );
  const [stream, plain, sending] = [await client(port), await client(port), await client(port)];
  stream.send(post(STREAM));
  await stream.received((text) => text.includes(FIRST));
  plain.send(post(PLAIN));
  await decode[0]?.call(2);
  sending.send(post(PLAIN).slice(0, -1));
  await ask(port, get("/livez"));

  const drained = drain();
  const [streamed, answered, cutOff] = [await stream.answer(), await plain.answer(), await sending.answer()];
  await drained;

  expect(streamed.body).toMatch(/^data: .*\n\ndata: \{"error":.*"shutting_down"\}\}\n\n$/);
  expect(streamed.whole).toBe(true);
  for (const one of [answered, cutOff]) {
    expect(one.status).toBe(503);
    expect(one.json().error.code).toBe("shutting_down");
  }
  expect(log.map(({ outcome }) => outcome)).toEqual(Array(3).fill("shutting_down"));
  for (const { closed } of decode[0]?.calls ?? []) await closed;
});

test("Rule 23: an idle scheduler is drained at once, kept connections or not.", async () => {
  const { port, drain } = await startRig();
  const [idle, used] = [await client(port), await client(port)];
  used.send(post(PLAIN));
  await used.answer();

  await drain();

  expect(await idle.ended()).toBe("");
  expect(await used.ended()).toBe("");
});

const folder = mkdtempSync(join(tmpdir(), "scheduler-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const server = (ip: string, npu?: number) => ({
  server_id: ip,
  server_ip: ip,
  ...(npu === undefined ? {} : { device: [{ device_id: String(npu), device_ip: "29.0.0.1", rank_id: "0" }] }),
});
const LOCAL = "127.0.0.1";
const rankTable = (...groups: object[][]) => ({
  version: "1.0",
  status: "completed",
  server_group_list: groups.map((list, id) => ({
    group_id: String(id),
    server_count: String(list.length),
    server_list: list,
  })),
});
const localTable = (entry: object) => ({
  version: "1.0",
  status: "completed",
  group_id: "0",
  server_count: "1",
  server_list: [entry],
});

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const GLOBAL = file("global.json", rankTable([server(LOCAL)], [server(LOCAL, 4)], [server(LOCAL, 6)]));

interface Process {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
  /** Resolves with the port once it listens. */
  readonly port: Promise<number>;
}

function command(args: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, "main.ts"), ...args];
}

function run(args: string[], env: Record<string, string>): Process {
  const [node = "", ...rest] = command(args);
  return watched(spawn(node, rest, { env }));
}

function watched(child: ChildProcess): Process {
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  const port = new Promise<number>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (text) => {
        output += text;
        const found = /^scheduler on \S+:(\d+)/m.exec(output);
        if (found !== null) resolve(Number(found[1]));
      });
    }
  });
  return { child, output: () => output, exit: once(child, "close").then(([code]) => code), port };
}

const ENV = { GLOBAL_RANK_TABLE_FILE_PATH: GLOBAL, NODE_PORTS: "8088,8089" };

test("Rule 24: the process is live before its engines are up, and ready when they are.", async () => {
  const [prefill, decode] = [await fakeEngine(goodPrefill), await fakeEngine(goodDecode)];
  const env = { ...ENV, NODE_PORTS: `${prefill.port},${decode.port}` };
  const late: (() => void)[] = [];
  prefill.health = (call) =>
    void late.push(() => call.socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  const { port, child, exit, output } = run(
    ["--host=127.0.0.1", "--port", "0", "--health-interval=0.05"],
    env,
  );
  const at = await port;

  const before = [await ask(at, get("/livez")), await ask(at, get("/readyz"))];
  while (late.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  prefill.health = decode.health;
  for (const answer of late) answer();
  while ((await ask(at, get("/readyz"))).status !== 200)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const answer = await ask(at, post(PLAIN));
  child.kill("SIGTERM");

  expect(before.map(({ status }) => status)).toEqual([200, 503]);
  expect(answer.body).toBe(PLAIN_ANSWER);
  expect(await exit).toBe(0);
  expect(output()).toMatch(/"outcome":"ok"/);
});

test("Signals that come while it starts are obeyed when it has started.", async () => {
  const [prefill, decode] = [await fakeEngine(goodPrefill), await fakeEngine(goodDecode)];
  const env = { ...ENV, NODE_PORTS: `${prefill.port},${decode.port}` };
  // Many threads take a while to start; the first health checks are answered before.
  const { child, exit, output } = run(["--host=127.0.0.1", "--port=0", "--workers=8"], env);
  while (!output().includes('"healthy":true')) await once(child.stderr ?? child, "data");

  child.kill("SIGHUP");
  child.kill("SIGTERM");

  expect(await exit).toBe(0);
  expect(output()).toContain('"reloaded":true');
});

test("A reader of its standard output that goes away does not end it.", async () => {
  const [prefill, decode] = [await fakeEngine(goodPrefill), await fakeEngine(goodDecode)];
  const env = { ...ENV, NODE_PORTS: `${prefill.port},${decode.port}` };
  const { child, exit, output } = run(["--host=127.0.0.1", "--port=0", "--admin-port=0"], env);
  child.stdout?.destroy();
  while (!output().includes('"healthy":true')) await once(child.stderr ?? child, "data");

  child.kill("SIGTERM");

  expect(await exit).toBe(0);
});

test("Rule 23: a second SIGTERM ends the process although a request is in flight.", async () => {
  const [prefill, decode] = [await fakeEngine(goodPrefill), await fakeEngine(() => {})];
  const env = { ...ENV, NODE_PORTS: `${prefill.port},${decode.port}` };
  const { port, child, exit } = run(["--host=127.0.0.1", "--port=0", "--health-interval=0.05"], env);
  const at = await port;
  while ((await ask(at, get("/readyz"))).status !== 200)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const connection = await client(at);
  connection.send(post(PLAIN));
  await decode.call(1);

  child.kill("SIGTERM");
  while ((await ask(at, get("/readyz"))).status !== 503)
    await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGTERM");

  expect(await exit).toBe(1);
});

test.skipIf(process.platform !== "linux")(
  "A burst of 4096 clients, or as many as the kernel allows, waits for a scheduler that is busy.",
  async () => {
    const { port, child } = run(["--host=127.0.0.1", "--port=0"], ENV);
    const at = await port;
    const allowed = Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));

    child.kill("SIGSTOP");
    const waiting = Array.from({ length: Math.min(4096, allowed) }, () => connect(at, "127.0.0.1"));
    onTestFinished(() => {
      for (const socket of waiting) socket.destroy();
    });

    await Promise.all(waiting.map((socket) => once(socket, "connect")));
    child.kill("SIGCONT");
    const [last] = waiting.slice(-1);
    last?.write(get("/livez"));
    const [answer] = await once(last ?? child, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  },
);

test.for([
  {
    problem: "no environment",
    env: {},
    args: [],
    says: ["NODE_PORTS is not set", "GLOBAL_RANK_TABLE_FILE_PATH is not set"],
  },
  {
    problem: "no rank table file",
    env: { ...ENV, GLOBAL_RANK_TABLE_FILE_PATH: "/nowhere.json" },
    args: [],
    says: ["there is no file /nowhere.json"],
  },
  {
    problem: "a folder as rank table",
    env: { ...ENV, GLOBAL_RANK_TABLE_FILE_PATH: folder },
    args: [],
    says: ["is a directory"],
  },
  {
    problem: "a rank table that is no JSON",
    env: { ...ENV, GLOBAL_RANK_TABLE_FILE_PATH: file("bad.json", "{") },
    args: [],
    says: ["bad.json", "not JSON"],
  },
  {
    problem: "a rank table without decode",
    env: {
      ...ENV,
      GLOBAL_RANK_TABLE_FILE_PATH: file("half.json", rankTable([server(LOCAL)], [server(LOCAL, 4)])),
    },
    args: [],
    says: ["half.json", "before the merge"],
  },
  {
    problem: "the service entry's table that is prefill's",
    env: { ...ENV, RANK_TABLE_FILE_PATH: file("prefill.json", localTable(server(LOCAL, 4))) },
    args: [],
    says: ["RANK_TABLE_FILE_PATH is the table of an instance", "_host.json"],
  },
  {
    problem: "the service entry's table of another host",
    env: { ...ENV, RANK_TABLE_FILE_PATH: file("other.json", localTable(server("10.0.0.9"))) },
    args: [],
    says: ["10.0.0.9", "127.0.0.1"],
  },
  {
    problem: "too few ports",
    env: { ...ENV, NODE_PORTS: "8088" },
    args: [],
    says: ["NODE_PORTS has 1 ports; the global rank table has 1 prefill and 1 decode"],
  },
  {
    problem: "too many ports",
    env: { ...ENV, NODE_PORTS: "8088,8089,8090" },
    args: [],
    says: ["NODE_PORTS has 3 ports"],
  },
  {
    problem: "a port that is none",
    env: { ...ENV, NODE_PORTS: "8088,x" },
    args: [],
    says: ['NODE_PORTS has "x"'],
  },
  { problem: "port 0", env: { ...ENV, NODE_PORTS: "8088,0" }, args: [], says: ['NODE_PORTS has "0"'] },
  {
    problem: "one port twice",
    env: { ...ENV, NODE_PORTS: "8088,8088" },
    args: [],
    says: ["127.0.0.1 port 8088 is both prefill instance 0 and decode instance 0"],
  },
  {
    problem: "its own port as an instance's",
    env: ENV,
    args: ["--port=8089"],
    says: ["this scheduler (--port) and decode instance 0"],
  },
  { problem: "USE_OPENAI=2", env: { ...ENV, USE_OPENAI: "2" }, args: [], says: ['USE_OPENAI is "2"'] },
  {
    problem: "KV parameters for /generate",
    env: { ...ENV, USE_OPENAI: "0" },
    args: ["--handoff=kv-params"],
    says: ["--handoff is kv-params with USE_OPENAI=0"],
  },
  {
    problem: "a misspelt flag",
    env: ENV,
    args: ["--prefil-timeout", "3"],
    says: ['"--prefil-timeout"', "did you mean --prefill-timeout?"],
  },
  {
    problem: "a flag without its value",
    env: ENV,
    args: ["--port", "--host=127.0.0.1"],
    says: ["--port has no value"],
  },
  {
    problem: "a flag with an empty value",
    env: ENV,
    args: ["--host=", "--admin-socket", ""],
    says: ["--host has an empty value", "--admin-socket has an empty value"],
  },
  { problem: "a word that is no flag", env: ENV, args: ["serve"], says: ['"serve" is not a flag'] },
  {
    problem: "an unknown policy",
    env: ENV,
    args: ["--prefill-routing-policy=Random"],
    says: ["choose RoundRobin, FreeKVFirst, BLB"],
  },
  {
    problem: "a limit that is no number",
    env: ENV,
    args: ["--drain-timeout=soon"],
    says: ['--drain-timeout is "soon"'],
  },
])(
  "Rule 24: $problem ends the start with exit code 2, all reasons and no stack trace.",
  async ({ env, args, says }) => {
    const { exit, output } = run(args, env);

    expect(await exit).toBe(2);
    for (const one of says) expect(output()).toContain(one);
    expect(output()).toContain("fix: ");
    expect(output()).not.toMatch(/\n\s+at /);
  },
);

test.for([{ flag: "--port" }, { flag: "--admin-port" }, { flag: "--metrics-port" }])(
  "Rule 24: a used $flag ends the start with exit code 1 and a clear message.",
  async ({ flag }) => {
    const taken = await fakeEngine(() => {});

    const { exit, output } = run(["--host=127.0.0.1", "--port=0", `${flag}=${taken.port}`], ENV);

    expect(await exit).toBe(1);
    expect(output()).toBe(
      `scheduler: cannot listen on 127.0.0.1 port ${taken.port}: another process listens there\n` +
        `  fix: stop it, or choose another ${flag}\n`,
    );
  },
);

test.for([
  { args: ["--host=203.0.113.1"], says: "no such address", fix: "give --host one that it has" },
  { args: ["--host=nowhere.invalid"], says: "no such address", fix: "give --host one that it has" },
  {
    args: ["--host=127.0.0.1", "--metrics-port=0", "--metrics-host=203.0.113.1"],
    says: "no such address",
    fix: "give --metrics-host one that it has",
  },
  {
    args: ["--host=127.0.0.1", "--admin-socket=/nowhere/admin.sock"],
    says: "there is no such folder",
    fix: "choose another --admin-socket",
  },
  {
    args: ["--host=127.0.0.1", "--admin-socket=/dev/null/admin.sock"],
    says: "ENOTDIR",
    fix: "choose another --admin-socket",
  },
  {
    args: ["--host=127.0.0.1", `--admin-socket=/tmp/${"a".repeat(103)}`],
    says: "over 107 bytes",
    fix: "choose another --admin-socket",
  },
])("Rule 24: $args cannot be listened on: exit code 1 and no stack trace.", async ({ args, says, fix }) => {
  const { exit, output } = run(["--port=0", ...args], ENV);

  expect(await exit).toBe(1);
  expect(output()).toMatch(/^scheduler: cannot listen on .*\n {2}fix: .*\n$/);
  expect(output()).toContain(says);
  expect(output()).toContain(fix);
});

test("Rule 24: a limit on open files that is too small ends the start with exit code 1 and a clear message.", async () => {
  const child = spawn(
    "sh",
    ["-c", 'ulimit -n 60; exec "$0" "$@"', ...command(["--workers=64", "--port=0"])],
    {
      env: ENV,
    },
  );
  const { exit, output } = watched(child);

  expect(await exit).toBe(1);
  expect(output()).toMatch(
    /^scheduler: this process may have 60 files open\n {2}fix: let it have \d+ at least .*, or give fewer --workers\n$/,
  );
});

test("The manual's whole command line is taken, in both spellings of a flag.", async () => {
  const { port, child, exit } = run(
    [
      ..."--model=/weights --tensor-parallel-size=2 --max-model-len=4096 --max-num-seqs=256".split(" "),
      ..."--max-num-batched-tokens=4096 --host=127.0.0.1 --port=0 --served-model-name a b".split(" "),
      ..."--quantization awq --prefill_routing_policy BLB --trust-remote-code --seed=0".split(" "),
    ],
    {
      ...ENV,
      USE_OPENAI: "1",
      no_proxy: "localhost,127.0.0.1",
      RANK_TABLE_FILE_PATH: file("host.json", localTable(server(LOCAL))),
    },
  );

  expect((await ask(await port, get("/livez"))).status).toBe(200);
  child.kill("SIGTERM");
  expect(await exit).toBe(0);
});

test("--help shows every flag with its default and an example, and ends well.", async () => {
  const { exit, output } = run(["--help"], {});

  expect(await exit).toBe(0);
  expect(output()).toContain("--prefill-timeout SECONDS");
  expect(output()).toContain("NODE_PORTS=8088,8089");
});
