import { createServer, type Socket } from "node:net";
import { onTestFinished, vi } from "vitest";

// A busy machine must not turn a slow test into a failed one.
vi.setConfig({ testTimeout: 300_000 });

/*
 * Fake engines, and in client.ts clients, that are exact to the byte. They parse HTTP in the simplest way that works, and
 * with none of the scheduler's code, so that an error there cannot hide here.
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
/** Whoever asks for something else, as for the models, is told of none. */
export const goodDecode: Script = (call) => {
  if (call.body === "") answerJson(call, "{}");
  else if (JSON.parse(call.body).stream === true) answerEvents(call, ...EVENTS, DONE);
  else answerJson(call, PLAIN_ANSWER);
};
