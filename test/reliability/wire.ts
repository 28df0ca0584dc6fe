import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/*
 * What stands between the scheduler and a simulated engine: all bytes pass as they are, but for one answer, with which
 * something goes wrong.
 */

/**
 * Up to where things go well: `unread`, the engine never sees the request; `asked`, it does, and none of its answer comes;
 * within the `head`; within the `body`, of a stream behind its first event; before its `last` bytes, which say that it is
 * whole; or the answer has `passed`.
 */
export type Place = "unread" | "asked" | "head" | "body" | "last" | "passed";

/** A request that has met its fault. */
export interface Struck {
  /** Of the scheduler's connection. */
  readonly down: Socket;
  /** The bytes that were to come, as far as they are there. */
  readonly rest: Buffer;
  /** Lets the engine be asked, or its answer pass, after all. */
  goOn(): void;
}

export interface Strike {
  readonly at: Place;
  readonly act: (struck: Struck) => unknown;
  /** Whether an engine that ends its side is not heard. */
  readonly isDeaf: boolean;
}

export interface Wire {
  readonly port: number;
  /** Requests for tokens that have come. */
  readonly asked: number;
  /** Requests by which an engine is made to reject KV cache. */
  readonly releases: number;
  /** Connections that are open now. */
  readonly open: number;
  /** For the next request for tokens. */
  strike: Strike | undefined;
  /** From now on connections are refused, and those that there are broken; until `listen`. */
  refuse(): Promise<void>;
  listen(): Promise<void>;
  close(): void;
}

const RELEASE = /"max_tokens":-1\b/;
const FOR_TOKENS = /^POST \/v1\/(?:chat\/)?completions /;

/** A wire to the engine at a port of this host. */
export async function wireTo(engine: number): Promise<Wire> {
  const connections = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  const wire = {
    port,
    asked: 0,
    releases: 0,
    get open() {
      return connections.size;
    },
    strike: undefined as Strike | undefined,
    async listen() {
      server = createServer({ allowHalfOpen: true, noDelay: true }, serve);
      // Below those that the kernel gives by itself, so that nobody has it while it is refused.
      const isFirst = port === 0;
      for (;;) {
        if (isFirst) port = 10_000 + Math.floor(20_000 * Math.random());
        server.listen(port, "127.0.0.1");
        try {
          await once(server, "listening");
          break;
        } catch (error) {
          if (!isFirst) throw error;
        }
      }
      wire.port = port;
    },
    async refuse() {
      const closed = server && once(server, "close");
      wire.close();
      await closed;
    },
    close() {
      server?.close();
      server = undefined;
      for (const one of connections) one.destroy();
    },
  };
  await wire.listen();
  return wire;

  function serve(down: Socket): void {
    connections.add(down);
    const up = connect({ host: "127.0.0.1", port: engine, noDelay: true, allowHalfOpen: true });
    let request = Buffer.alloc(0);
    let answer = Buffer.alloc(0);
    let armed: Strike | undefined;
    let isStruck = false;
    let isDeaf = false;

    down.on("data", (bytes) => {
      request = Buffer.concat([request, bytes]);
      const length = lengthOf(request);
      if (length === undefined || request.length < length) return;
      const whole = request;
      request = Buffer.alloc(0);
      come(whole);
    });
    up.on("data", (bytes) => {
      if (armed === undefined && !isStruck) return void down.write(bytes);
      answer = Buffer.concat([answer, bytes]);
      if (armed !== undefined) cut(armed);
    });
    for (const [from, to] of [
      [down, up],
      [up, down],
    ] as const) {
      from.on("end", () => {
        // Of an answer that is held back nobody is to know that it is over.
        if (from === down || !isDeaf) to.end();
      });
      from.on("error", () => {});
    }
    down.on("close", () => {
      connections.delete(down);
      up.destroy();
    });
    // An engine that dies is one whose connections break.
    up.on("close", (failed) => {
      if (failed && !isStruck) down.resetAndDestroy();
    });

    function come(whole: Buffer): void {
      const text = whole.toString("latin1");
      isStruck = false;
      isDeaf = false;
      answer = Buffer.alloc(0);
      const isRelease = RELEASE.test(text);
      if (isRelease) wire.releases++;
      else if (FOR_TOKENS.test(text)) {
        wire.asked++;
        armed = wire.strike;
        wire.strike = undefined;
      }
      if (armed?.at === "unread") hit(armed, whole, () => up.write(whole));
      else up.write(whole);
      if (armed?.at === "asked") hit(armed, answer, passRest);
    }

    function cut(strike: Strike): void {
      const at = cutAt(strike.at, answer);
      if (at === undefined) return;
      down.write(answer.subarray(0, at));
      answer = answer.subarray(at);
      hit(strike, answer, passRest);
    }

    function passRest(): void {
      down.write(answer);
      answer = Buffer.alloc(0);
    }

    function hit(strike: Strike, rest: Buffer, goOn: () => void): void {
      armed = undefined;
      isStruck = true;
      isDeaf = strike.isDeaf;
      strike.act({
        down,
        rest,
        goOn() {
          isStruck = false;
          isDeaf = false;
          goOn();
          // What was not heard is known now.
          if (up.readableEnded) down.end();
        },
      });
    }
  }
}

/** How long a request is, with its body; `undefined` while its head is not all there. */
function lengthOf(request: Buffer): number | undefined {
  const end = request.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [, length = "0"] = /\r\ncontent-length: *(\d+)/i.exec(request.toString("latin1", 0, end + 2)) ?? [];
  return end + 4 + Number(length);
}

const LAST_CHUNK = "0\r\n\r\n";

/** How much of an answer passes before it is struck; `undefined` while too little of it is there. */
function cutAt(place: Place, answer: Buffer): number | undefined {
  const end = answer.indexOf("\r\n\r\n");
  if (end === -1) return place === "head" && answer.length > 20 ? 20 : undefined;
  if (place === "head") return 20;
  const body = end + 4;
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(answer.toString("latin1", 0, end + 2)) ?? [];
  if (length !== undefined) {
    const size = Number(length);
    const [atLeast, at] =
      place === "body" ? [size / 2, size >> 1] : place === "last" ? [size, size - 1] : [size, size];
    return answer.length - body >= atLeast ? body + at : undefined;
  }
  if (place === "body") {
    const event = answer.indexOf("\n\n", body);
    return event === -1 ? undefined : event + 2;
  }
  if (!answer.subarray(body).toString("latin1").endsWith(LAST_CHUNK)) return undefined;
  return place === "last" ? answer.length - LAST_CHUNK.length : answer.length;
}
