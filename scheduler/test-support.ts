import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished, vi } from "vitest";
import type { Config, Timeouts } from "./config/config.ts";
import { startScheduler } from "./scheduler.ts";

// A busy machine must not turn a slow test into a failed one.
vi.setConfig({ testTimeout: 60_000 });

/*
 * Fake engines and clients that are exact to the byte. They parse HTTP in the simplest way that works, and with none
 * of the scheduler's code, so that an error there cannot hide here.
 */

/** A request as it reached a fake engine. */
export interface EngineCall {
  readonly method: string;
  readonly path: string;
  /** As sent, without the empty line. */
  readonly head: string;
  readonly body: string;
  readonly socket: Socket;
  /** Resolves when the scheduler has closed this connection. */
  readonly closed: Promise<void>;
  header(name: string): string[];
}

export type Script = (call: EngineCall) => void;

export interface FakeEngine {
  readonly port: number;
  /** Without the health checks. */
  readonly calls: EngineCall[];
  /** Connections accepted so far, and open now. */
  readonly connections: { accepted: number; open: number };
  /** Answers requests that are not health checks. */
  script: Script;
  /** Answers health checks. */
  health: Script;
  /** Resolves when the nth call (from 1) has arrived. */
  call(n: number): Promise<EngineCall>;
  close(): Promise<void>;
}

export async function fakeEngine(script: Script): Promise<FakeEngine> {
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  const connections = { accepted: 0, open: 0 };
  const server = createServer((socket) => {
    sockets.add(socket);
    connections.accepted++;
    connections.open++;
    let input = "";
    const closed = new Promise<void>((resolve) => {
      socket.on("close", () => {
        sockets.delete(socket);
        connections.open--;
        resolve();
      });
    });
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      input += bytes.toString("latin1");
      for (let call = take(); call !== undefined; call = take()) {
        if (call.path === "/health") {
          engine.health(call);
          continue;
        }
        engine.calls.push(call);
        for (const wake of waiting.splice(0)) wake();
        engine.script(call);
      }
    });

    function take(): EngineCall | undefined {
      const end = input.indexOf("\r\n\r\n");
      if (end === -1) return undefined;
      const head = input.slice(0, end);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (input.length < end + 4 + length) return undefined;
      const body = Buffer.from(input.slice(end + 4, end + 4 + length), "latin1").toString();
      input = input.slice(end + 4 + length);
      const [method = "", path = ""] = head.split(" ");
      const header = (name: string) =>
        head
          .split("\r\n")
          .slice(1)
          .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
          .map((line) => line.slice(name.length + 1).trim());
      return { method, path, head, body, socket, closed, header };
    }
  });
  const engine: FakeEngine = {
    port: 0,
    calls: [],
    connections,
    script,
    health: (call) => answerJson(call, "{}"),
    async call(n) {
      while (engine.calls.length < n) await new Promise<void>((resolve) => waiting.push(resolve));
      return engine.calls[n - 1] as EngineCall;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => engine.close());
  return Object.assign(engine, { port: (server.address() as { port: number }).port });
}

export function answerJson(call: EngineCall, body: string, status = "200 OK", ...headers: string[]): void {
  const lines = [`HTTP/1.1 ${status}`, `content-length: ${Buffer.byteLength(body)}`, ...headers];
  call.socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

export const STREAM_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

export function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** Answers with an event stream, an HTTP chunk for each text, ended well. */
export function answerEvents(call: EngineCall, ...texts: string[]): void {
  call.socket.write(`${STREAM_HEAD}${texts.map(chunked).join("")}0\r\n\r\n`);
}

export const KV_PARAMS = '{"remote_engine_id":"e-1","remote_block_ids":[1,2,9007199254740993],"x":1.0}';
export const EVENTS = ['data: {"choices":[{"text":"a"}]}\n\n', 'data: {"choices":[{"text":"b"}]}\n\n'];
export const DONE = "data: [DONE]\n\n";

export const goodPrefill: Script = (call) => answerJson(call, `{"id":"p","kv_transfer_params":${KV_PARAMS}}`);
export const PLAIN_ANSWER = '{"id":"d","choices":[{"text":"ab"}]}';
export const goodDecode: Script = (call) =>
  JSON.parse(call.body).stream === true
    ? answerEvents(call, ...EVENTS, DONE)
    : answerJson(call, PLAIN_ANSWER);

const MAIN = new URL("./main.ts", import.meta.url);

const TIMEOUTS: Timeouts = {
  connectMs: 2000,
  prefillMs: 20_000,
  firstTokenMs: 20_000,
  tokenGapMs: 20_000,
  answerMs: 20_000,
  requestHeadMs: 20_000,
  requestBodyMs: 20_000,
  stalledClientMs: 20_000,
  drainMs: 20_000,
  stallMs: 20_000,
};

export type Overrides = Partial<Omit<Config, "timeouts">> & {
  timeouts?: Partial<Timeouts>;
  /** What each thread of several workers runs. */
  program?: URL;
};

export interface Bench {
  readonly port: number;
  readonly adminPorts: readonly number[];
  readonly metricsPort: number | undefined;
  reload(): void;
  readonly prefill: FakeEngine[];
  readonly decode: FakeEngine[];
  readonly log: LogEntry[];
  /** What else was logged, but for changes of health. */
  readonly events: Record<string, unknown>[];
  /** All that was logged. */
  readonly lines: string[];
  /** The nth log line (from 1) about a request. */
  logged(n: number): Promise<LogEntry>;
  drain(): Promise<void>;
  /** How often an instance became healthy or ceased to be. */
  readonly healthChanges: number;
}

export interface LogEntry {
  readonly id: string;
  readonly path: string;
  readonly status?: number;
  readonly outcome: string;
  readonly detail?: string;
  readonly prefill?: string;
  readonly decode?: string;
  readonly recomputed?: boolean;
  readonly ms: Record<string, number>;
  readonly text: string;
}

/** A scheduler in this process before fake engines, ready unless `ready` is false. Ends with the test. */
export async function bench(
  engines: { prefill?: Script[]; decode?: Script[] } = {},
  overrides: Overrides & { ready?: boolean } = {},
): Promise<Bench> {
  const { prefill: prefillScripts = [goodPrefill], decode: decodeScripts = [goodDecode] } = engines;
  const prefill = await Promise.all(prefillScripts.map(fakeEngine));
  const decode = await Promise.all(decodeScripts.map(fakeEngine));
  return startBench(prefill, decode, overrides);
}

export async function startBench(
  prefill: FakeEngine[],
  decode: FakeEngine[],
  { timeouts, ready = true, program = MAIN, ...overrides }: Overrides & { ready?: boolean } = {},
): Promise<Bench> {
  const endpoint = ({ port }: FakeEngine) => ({ host: "127.0.0.1", port });
  const endpoints = { prefill: prefill.map(endpoint), decode: decode.map(endpoint) };
  const config: Config = {
    host: "127.0.0.1",
    port: 0,
    workers: 1,
    endpoints,
    readEndpoints: () => endpoints,
    admin: [],
    metrics: undefined,
    servedModels: [],
    api: "openai",
    handoff: "kv-params",
    policy: "RoundRobin",
    missingKvParams: "recompute",
    maxBodyBytes: 8 * 1024 * 1024,
    kvLeaseMs: 20_000,
    health: { intervalMs: 50, timeoutMs: 1000 },
    ...overrides,
    timeouts: { ...TIMEOUTS, ...timeouts },
  };
  const log: LogEntry[] = [];
  const events: Record<string, unknown>[] = [];
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  let healthy = 0;
  let healthChanges = 0;
  const scheduler = await startScheduler(
    config,
    (text) => {
      const entry = JSON.parse(text);
      lines.push(text);
      if (typeof entry.healthy === "boolean") {
        healthy += entry.healthy ? 1 : -1;
        healthChanges++;
      } else if (entry.id !== undefined) log.push({ ...entry, text });
      else events.push(entry);
      for (const wake of waiting.splice(0)) wake();
    },
    program,
  );
  onTestFinished(() => scheduler.close());
  async function until(met: () => boolean): Promise<void> {
    while (!met()) await new Promise<void>((resolve) => waiting.push(resolve));
  }
  if (ready) await until(() => healthy === prefill.length + decode.length);
  return {
    port: scheduler.port,
    adminPorts: scheduler.adminPorts,
    metricsPort: scheduler.metricsPort,
    reload: () => scheduler.reload(),
    prefill,
    decode,
    log,
    events,
    lines,
    drain: () => scheduler.drain(),
    get healthChanges() {
      return healthChanges;
    },
    async logged(n) {
      await until(() => log.length >= n);
      return log[n - 1] as LogEntry;
    },
  };
}

interface State {
  readonly ready: boolean;
  readonly requests: number;
  readonly instances: readonly Readonly<Record<string, unknown>>[];
}

type Result = Readonly<Record<string, unknown>>;

/** An operator at the scheduler's admin port. */
export function operator({ adminPorts: [port] }: Bench) {
  const send = async (path: string, body: unknown): Promise<{ status: number; answer: Result }> => {
    const headers = { "Content-Type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { status: response.status, answer: (await response.json()) as Result };
  };
  return {
    send,
    state: async () => (await send("/state", undefined)).answer as unknown as State,
    stateOf: async (name: string) => {
      const { answer } = await send("/state", undefined);
      return (answer as unknown as State).instances.find((one) => one.name === name);
    },
    drain: (instance: string, deadline = 600, force = false) => send("/drain", { instance, deadline, force }),
    join: (instance: string, deadline = 600) => send("/join", { instance, deadline }),
    reload: () => send("/reload", {}),
  };
}

/** An answer as a client sees it. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  /** Without chunk framing. */
  readonly body: string;
  /** Whether the body was all there by its own framing. */
  readonly whole: boolean;
  header(name: string): string | undefined;
  json(): { error: { message: string; type: string; code: string } } & Record<string, unknown>;
}

/** A raw client connection. */
export interface Client {
  readonly socket: Socket;
  send(bytes: string | Buffer): void;
  /** The next answer; what has come of it when the connection ends first. */
  answer(): Promise<Answer>;
  /** Resolves when everything received so far, as text, satisfies `met`; rejects when the connection ends before. */
  received(met: (text: string) => boolean): Promise<string>;
  /** Resolves when the scheduler has ended the connection, with all that came unread. */
  ended(): Promise<string>;
  /** Whether it was broken instead of ended. */
  readonly broken: boolean;
}

export async function client(port: number): Promise<Client> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let input = Buffer.alloc(0);
  let over = false;
  let broken = false;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const change = () => new Promise<void>((resolve) => waiting.push(resolve));
  socket.on("data", (bytes) => {
    input = Buffer.concat([input, bytes]);
    wake();
  });
  const end = () => {
    over = true;
    wake();
  };
  socket.on("end", end);
  socket.on("close", end);
  socket.on("error", () => {
    broken = true;
    end();
  });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return {
    socket,
    get broken() {
      return broken;
    },
    send: (bytes) => {
      socket.write(bytes);
    },
    async answer() {
      for (;;) {
        const found = parseAnswer(input, over);
        if (found !== undefined) {
          input = input.subarray(found.length);
          return found.answer;
        }
        if (over) throw new Error(`the connection ended after: ${input.toString("latin1").slice(0, 500)}`);
        await change();
      }
    },
    async received(met) {
      while (!met(input.toString("latin1"))) {
        if (over) throw new Error(`the connection ended after: ${input.toString("latin1").slice(0, 500)}`);
        await change();
      }
      return input.toString("latin1");
    },
    async ended() {
      while (!over) await change();
      return input.toString("latin1");
    },
  };
}

function parseAnswer(input: Buffer, over: boolean): { answer: Answer; length: number } | undefined {
  const text = input.toString("latin1");
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = text.slice(0, headEnd);
  const header = (name: string) => new RegExp(`\r\n${name}: *([^\r]*)`, "i").exec(head)?.[1];
  const start = headEnd + 4;
  const make = (body: string, length: number, whole: boolean) => {
    const decoded = Buffer.from(body, "latin1").toString();
    const answer: Answer = {
      status: Number(head.split(" ")[1]),
      head,
      body: decoded,
      whole,
      header,
      json: () => JSON.parse(decoded),
    };
    return { answer, length };
  };
  if (/^HTTP\/1\.1 100 /.test(head)) return make("", start, true);
  if (header("transfer-encoding") === "chunked") {
    let body = "";
    let at = start;
    for (;;) {
      const lineEnd = text.indexOf("\r\n", at);
      const size = Number.parseInt(text.slice(at, lineEnd), 16);
      const next = lineEnd + 2 + size + 2;
      if (lineEnd === -1 || text.length < next) return over ? make(body, text.length, false) : undefined;
      if (size === 0) return make(body, next, true);
      body += text.slice(lineEnd + 2, lineEnd + 2 + size);
      at = next;
    }
  }
  const length = header("content-length");
  if (length === undefined) return over ? make(text.slice(start), text.length, true) : undefined;
  const end = start + Number(length);
  if (text.length < end) return over ? make(text.slice(start), text.length, false) : undefined;
  return make(text.slice(start, end), end, true);
}

/** A completion request. `extra` are whole header lines. */
export function post(body: string, path = "/v1/completions", ...extra: string[]): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: test",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...extra,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export function get(path: string, ...extra: string[]): string {
  return `${[`GET ${path} HTTP/1.1`, "Host: test", ...extra].join("\r\n")}\r\n\r\n`;
}

/** Sends one request on a connection of its own. */
export async function ask(port: number, request: string | Buffer): Promise<Answer> {
  const one = await client(port);
  one.send(request);
  return one.answer();
}

export const PLAIN = '{"model":"m","prompt":"hi"}';
export const STREAM = '{"model":"m","prompt":"hi","stream":true}';

/** Looks again and again; the test's own time-out ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
