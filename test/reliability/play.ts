import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Scheduler, startScheduler } from "../../scheduler/scheduler.ts";
import { testConfig } from "../../scheduler/testing/rig.ts";
import { configOf } from "../../simulator/config.ts";
import { Flags } from "../../simulator/flags.ts";
import { expectedText } from "../../simulator/oracle.ts";
import { type Simulator, startSimulator } from "../../simulator/server.ts";
import { type Cell, titleOf } from "./cells.ts";
import { expected, type Got, type Outcome } from "./expected.ts";
import type { Hands, Leg } from "./faults.ts";
import { KINDS, LEASE_SECONDS } from "./kinds.ts";
import { type Wire, wireTo } from "./wire.ts";

/** For anything that a cell waits for: only what hangs reaches it. */
const LIMIT_MS = 240_000;
/** For an instance or a client that stands still, in cells where one does. */
const SILENCE_MS = 1500;
const TOKENS = 6;
const POLL_MS = 100;
const MAIN = new URL("../../scheduler/main.ts", import.meta.url);

/** A simulated engine in this process, or in one of its own that can be killed. */
interface Engine {
  readonly port: number;
  /** KV blocks and requests that it has now. */
  taken(): Promise<number>;
  kill(signal: "SIGKILL" | "SIGSTOP"): Promise<void>;
  restart(): Promise<void>;
  close(): void;
}

interface Instance {
  readonly role: Leg;
  readonly engine: Engine;
  readonly wire: Wire;
}

/** Plays a cell and tells what was seen. Throws when something is left behind, or the next request is not answered well. */
export async function play(cell: Cell): Promise<Outcome> {
  const closing: (() => void)[] = [];
  try {
    return await within(`the end of: ${titleOf(cell)}`, playThrough(cell, closing));
  } finally {
    for (const close of closing.reverse()) close();
  }
}

async function playThrough(cell: Cell, closing: (() => void)[]): Promise<Outcome> {
  const { fault, leg } = cell;
  const prefill = await instancesOf("prefill", cell, [], closing);
  const decode = await instancesOf(
    "decode",
    cell,
    prefill.map(({ engine }) => `127.0.0.1:${engine.port}`),
    closing,
  );
  const all = [...prefill, ...decode];
  const struck = (leg === "prefill" ? prefill : decode)[0] as Instance;
  const lines: Line[] = [];
  const scheduler = await schedulerOf(cell, prefill, decode, lines, closing);
  const isAbsent = fault.before === "no such name";
  const isReady = async () => {
    const { instances } = await stateOf(scheduler);
    return instances.filter(({ healthy }) => healthy).length === all.length - Number(isAbsent);
  };
  await until(isReady);
  const begun = lines.length;
  if (fault.before === "refuses") await struck.wire.refuse();

  const client = clientOf(scheduler.port, cell);
  closing.push(() => client.socket.destroy());
  const logging = until(() => lines.find(({ outcome, id }) => id !== undefined && outcome !== undefined));
  const { kill, restart } = struck.engine;
  const hands: Hands = { client: client.socket, logged: logging, kill, restart };
  let acting: unknown;
  if (fault.before === undefined)
    struck.wire.strike = {
      at: fault.at,
      isDeaf: fault.group !== "answers",
      act: (it) => {
        acting = fault.act(it, hands);
      },
    };
  const logged = await logging;
  // Who has left reads nothing, whatever may still have come.
  const got = fault.group === "clients" ? "nothing" : await client.got();
  await acting;

  if (fault.health !== undefined) await until(() => healthIn(lines, begun).includes(false));
  const facts = await until(async () => {
    const seen = await factsOf(scheduler);
    return seen.left === 0 ? seen : undefined;
  });
  if (fault.group === "processes") await restart();
  if (fault.before === "refuses") await struck.wire.listen();
  await until(isReady);
  const isStuck = expected(cell).stuck === "decode";
  for (const { engine, role } of all)
    await until(async () => (isStuck && role === "decode") || (await engine.taken()) === 0);
  const stillTaken = await Promise.all(decode.map(({ engine }) => engine.taken()));
  const outcome: Outcome = {
    client: got,
    outcome: logged.outcome as Outcome["outcome"],
    retries: logged.retries ?? 0,
    asked: { prefill: asked(prefill), decode: asked(decode) },
    failures: facts.failures,
    kv: facts.kv,
    stuck: stillTaken.some((blocks) => blocks > 0) ? "decode" : "nowhere",
    health: healthIn(lines, begun),
  };
  if (facts.requests[`${outcome.outcome} ${`${logged.status}`[0]}xx`] !== 1)
    throw new Error(`the metrics tell another end than the log: ${JSON.stringify(facts.requests)}`);
  if (isAbsent && cell.instances === 1) return outcome;
  // Each instance has its turn.
  for (let turn = 0; turn < 2; turn++) {
    const after = await clientOf(scheduler.port, cell).got();
    if (after !== "exact") throw new Error(`a later request gets ${after}`);
  }
  return outcome;
}

const asked = (instances: readonly Instance[]) => instances.reduce((sum, { wire }) => sum + wire.asked, 0);

async function instancesOf(role: Leg, cell: Cell, prefill: readonly string[], closing: (() => void)[]) {
  const { fault, leg, kind } = cell;
  const quick = ["--ttft-base-ms=0", "--ttft-ms-per-token=0", "--inter-token-ms=1"];
  const flags = [
    `--role=${role}`,
    "--host=127.0.0.1",
    "--model=m",
    `--kv-lease-seconds=${LEASE_SECONDS}`,
    ...quick,
    ...KINDS[kind].flags(role, prefill),
  ];
  const count = role === leg ? cell.instances : 1;
  return Promise.all(
    Array.from({ length: count }, async (_, place): Promise<Instance> => {
      const isProcess = fault.group === "processes" && role === leg && place === 0;
      const engine = await (isProcess ? processEngine(flags) : ownEngine(flags));
      closing.push(() => engine.close());
      const wire = await wireTo(engine.port);
      closing.push(() => wire.close());
      return { role, engine, wire };
    }),
  );
}

async function ownEngine(flags: readonly string[]): Promise<Engine> {
  const config = configOf(new Flags([...flags, "--port=0"]), undefined, {});
  const simulator: Simulator = await startSimulator(config, () => {});
  const cannot = async () => {
    throw new Error("this engine is no process");
  };
  return {
    port: simulator.port,
    async taken() {
      const { running, waiting, kvBlocksUsed } = simulator.engine.gauges;
      return running + waiting + kvBlocksUsed;
    },
    kill: cannot,
    restart: cannot,
    close: () => void simulator.close(0),
  };
}

async function processEngine(flags: readonly string[]): Promise<Engine> {
  let child: ChildProcess;
  let stopped = false;
  const start = async (port: number): Promise<number> => {
    child = spawn(process.execPath, ["simulator/main.ts", ...flags, `--port=${port}`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [said] = await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    return Number(/:(\d+)\s*$/.exec(`${said}`)?.[1]);
  };
  const port = await start(0);
  return {
    port,
    async taken() {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"]
        .map((name) => Number(new RegExp(`^${name}\\{.*\\} (.*)$`, "m").exec(text)?.[1]))
        .reduce((sum, one) => sum + one, 0);
    },
    async kill(signal) {
      stopped = signal === "SIGSTOP";
      const over = once(child, "exit");
      child.kill(signal);
      if (!stopped) await over;
    },
    async restart() {
      if (stopped) child.kill("SIGCONT");
      else if (child.exitCode !== null || child.signalCode !== null) await start(port);
      stopped = false;
    },
    close: () => void child.kill("SIGKILL"),
  };
}

/** A line of the scheduler's log, as far as it is looked at. */
interface Line {
  readonly id?: string;
  readonly outcome?: string;
  readonly status?: number;
  readonly retries?: number;
  readonly healthy?: boolean;
}

const healthIn = (lines: readonly Line[], from: number): boolean[] =>
  lines.slice(from).flatMap(({ healthy }) => (healthy === undefined ? [] : [healthy]));

async function schedulerOf(
  { kind, leg, fault }: Cell,
  prefill: readonly Instance[],
  decode: readonly Instance[],
  lines: Line[],
  closing: (() => void)[],
): Promise<Scheduler> {
  const endpoints = (instances: readonly Instance[]) =>
    instances.map(({ wire: { port }, role }, place) => ({
      host: fault.before === "no such name" && role === leg && place === 0 ? "gone.invalid" : "127.0.0.1",
      port,
    }));
  const isSilent = fault.leads === "silent";
  const limits = leg === "prefill" || kind === "layerwise" ? { prefillMs: SILENCE_MS } : {};
  const ofDecode =
    leg === "decode" ? { firstTokenMs: SILENCE_MS, tokenGapMs: SILENCE_MS, answerMs: SILENCE_MS } : {};
  // What is not to see the fault coming does not look at the instance meanwhile.
  const health =
    fault.health === undefined
      ? { intervalMs: 600_000, timeoutMs: 60_000 }
      : { intervalMs: 500, timeoutMs: 1500 };
  const config = testConfig(
    { prefill: endpoints(prefill), decode: endpoints(decode) },
    {
      ...KINDS[kind].scheduler,
      admin: [{ port: 0 }],
      metrics: { host: "127.0.0.1", port: 0 },
      kvLeaseMs: LEASE_SECONDS * 1000,
      health,
      timeouts: {
        ...{
          prefillMs: LIMIT_MS,
          firstTokenMs: LIMIT_MS,
          tokenGapMs: LIMIT_MS,
          answerMs: LIMIT_MS,
          stallMs: LIMIT_MS,
        },
        ...(isSilent ? { ...limits, ...ofDecode } : {}),
        ...(fault.leads === "client-stalled" ? { stalledClientMs: SILENCE_MS } : {}),
      },
    },
  );
  const scheduler = await startScheduler(config, (text) => lines.push(JSON.parse(text)), MAIN);
  closing.push(() => scheduler.close());
  return scheduler;
}

/** A request of a raw client, and what comes of it. */
function clientOf(port: number, { stream }: Cell) {
  const body = `{"model":"m","prompt":"How does it end?","max_tokens":${TOKENS},"seed":9007199254740993,"stream":${stream}}`;
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
  });
  socket.on("error", () => {});
  const head = [
    "POST /v1/completions HTTP/1.1",
    "Host: test",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  const over = Promise.race([once(socket, "end"), once(socket, "close")]);
  return {
    socket,
    /** What it is once the connection is over. */
    got: async (): Promise<Got> => {
      await over;
      const isBroken = socket.destroyed && !socket.readableEnded;
      const said = Buffer.from(text, "latin1").toString();
      socket.destroy();
      return isBroken || socket.isPaused() || said === ""
        ? "nothing"
        : readAnswer(said, expectedText(body, TOKENS), stream);
    },
  };
}

/** Throws for what no client should ever get. */
function readAnswer(said: string, oracle: string, stream: boolean): Got {
  const status = Number(said.split(" ")[1]);
  const body = said.slice(said.indexOf("\r\n\r\n") + 4);
  const wrong = (why: string) => new Error(`${why}: ${said}`);
  if (status !== 200) {
    if (JSON.parse(body).error.message === undefined) throw wrong("an error without a message");
    return status;
  }
  if (!stream) {
    if (JSON.parse(body).choices[0].text !== oracle) throw wrong("other tokens than the model's");
    return "exact";
  }
  const data = [...unchunked(body).matchAll(/data: (.*)\n\n/g)].map(([, json = ""]) => json);
  const last = data.pop() ?? "";
  const tokens = data.map((json) => JSON.parse(json).choices[0]?.text ?? "").join("");
  if (last === "[DONE]") {
    if (tokens !== oracle) throw wrong("other tokens than the model's");
    if (!body.endsWith("0\r\n\r\n")) throw wrong("a stream without its last chunk");
    return "exact";
  }
  if (JSON.parse(last).error?.message === undefined) throw wrong("a stream that says nothing of its end");
  if (!oracle.startsWith(tokens) || tokens === "") throw wrong("other tokens than the model's");
  return "error event";
}

function unchunked(body: string): string {
  let text = "";
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, line), 16);
    text += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return text;
}

async function stateOf({ adminPorts: [port] }: Scheduler) {
  const answer = await fetch(`http://127.0.0.1:${port}/state`);
  return (await answer.json()) as { instances: { healthy: boolean }[] };
}

/** What a metric says: by its labels' values, joined. */
function samples(text: string, name: string): Map<string, number> {
  const found = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.*)$`, "gm"));
  return new Map(
    [...found].map(([, labels = "", value]) => [
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => `${key}=${of}`).join(" "),
      Number(value),
    ]),
  );
}

const GAUGES = [
  "ascend_pd_requests_in_flight",
  "ascend_pd_requests_waiting",
  "ascend_pd_connections",
  "ascend_pd_buffered_bytes",
  "ascend_pd_instance_in_flight",
  "ascend_pd_instance_kv_held",
];

/** What the metrics say once; `left` is the sum of all gauges that are to come back to 0. */
async function factsOf({ metricsPort }: Scheduler) {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const sum = (name: string) => [...samples(text, name).values()].reduce((total, one) => total + one, 0);
  const failures: Record<string, number> = {};
  for (const [labels, value] of samples(text, "ascend_pd_instance_failures_total")) {
    const kind = /kind=(\S+)/.exec(labels)?.[1] ?? "";
    if (value > 0) failures[kind] = (failures[kind] ?? 0) + value;
  }
  const requests: Record<string, number> = {};
  for (const [labels, value] of samples(text, "ascend_pd_requests_total")) {
    const [, outcome, status] = /outcome=(\S+) status=(\S*)/.exec(labels) ?? [];
    requests[`${outcome} ${status}`] = value;
  }
  return {
    left: GAUGES.reduce((total, name) => total + sum(name), 0),
    failures,
    requests,
    kv: {
      released: sum("ascend_pd_instance_kv_released_total"),
      expired: sum("ascend_pd_instance_kv_expired_total"),
    },
  };
}

/** Looks again and again; gives what it sees. */
async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`never came: ${look}`);
    await sleep(POLL_MS);
  }
}

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${LIMIT_MS} ms: ${what}`)), LIMIT_MS);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}
