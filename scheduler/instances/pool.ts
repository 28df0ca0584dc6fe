import type { Socket, TcpNetConnectOpts } from "node:net";
import { authority } from "../config/endpoints.ts";
import type { Deadline, Deadlines } from "../data/deadlines.ts";
import { afterNextLook, hasLooked } from "../data/turns.ts";
import type { Field } from "../http/head.ts";
import { keepAliveHint } from "../http/keep-alive.ts";
import { MAX_JOINED_BYTES } from "../http/write.ts";
import type { Connector } from "../trust/tls.ts";
import type { Lines } from "./lines.ts";

/**
 * How long an idle connection is kept. Engines served by uvicorn close theirs after 5 s; using one at that very
 * moment costs a retry.
 */
const IDLE_MS = 4000;
/** How long before an engine's own time for idle connections, where it tells one, its connection is given up. */
const MARGIN_MS = 1000;
const MAX_IDLE = 256;
/** Per direction and connection, in bytes. The same on every Node version, unlike the default. */
export const HIGH_WATER_MARK = 64 * 1024;

/**
 * All wires read into this memory: memory of its own for each read costs more than all else that is done with it.
 * What one read brings is small enough to be copied when it is written on.
 */
const input = Buffer.allocUnsafeSlow(MAX_JOINED_BYTES / 2);

/** Who is told what happens on a wire. */
export interface WireUser {
  /** `bytes` are there during the call only. */
  data(bytes: Buffer): void;
  /** The engine will send nothing more. */
  finished(): void;
  /** The connection is gone; nothing is told after this. `reason` is for the log. */
  closed(reason: string): void;
}

/** A connection to an engine. */
export interface Wire {
  readonly socket: Socket;
  /** Whether it has carried a request before. */
  used: boolean;
  /** How many more requests the engine takes on it. */
  requestsLeft: number;
  user: WireUser | undefined;
  /** The turn of the event loop from which on it may be used again. */
  restsUntil: number;
  readonly idleLimit: Deadline;
  reason: string;
}

/** The connections to one engine: handed out one request at a time, kept for a while in between. */
export class Pool {
  readonly host: string;
  readonly port: number;
  /** The value of the Host header. */
  readonly authority: string;
  readonly #deadlines: Deadlines;
  readonly #connectMs: number;
  readonly #connector: Connector;
  readonly #lines: Lines;
  readonly #idle: Wire[] = [];

  constructor(
    host: string,
    port: number,
    deadlines: Deadlines,
    connectMs: number,
    connector: Connector,
    lines: Lines,
  ) {
    this.host = host;
    this.port = port;
    this.authority = authority({ host, port });
    this.#deadlines = deadlines;
    this.#connectMs = connectMs;
    this.#connector = connector;
    this.#lines = lines;
    lines.add(this);
  }

  /**
   * The most recently used idle connection, or a new one. What is written before it is connected waits. Throws NoRoom.
   *
   * An engine may send more than one answer, and what comes behind the first would be taken for the next request's. So one
   * that has just been given back rests until the event loop has looked whether anything has come on it.
   */
  lease(user: WireUser, fresh = false): Wire {
    const wire = fresh ? this.#open() : (this.#rested() ?? this.#open());
    wire.idleLimit.clear();
    wire.user = user;
    return wire;
  }

  #rested(): Wire | undefined {
    let at = this.#idle.length - 1;
    while (at >= 0 && !hasLooked(this.#idle[at]?.restsUntil ?? 0)) at--;
    if (at === this.#idle.length - 1) return this.#idle.pop();
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0];
  }

  /**
   * Gives back a connection on which a whole request and a whole answer have passed, and nothing else. `fields` are
   * the answer's: they may say how much longer the engine will have it.
   */
  keep(wire: Wire, fields: readonly Field[]): void {
    wire.user = undefined;
    wire.used = true;
    const { timeoutMs, max } = keepAliveHint(fields);
    const idleMs = Math.min(IDLE_MS, timeoutMs - MARGIN_MS);
    wire.requestsLeft = Math.min(wire.requestsLeft - 1, max);
    const isKept = this.#lines.areKept && idleMs > 0 && wire.requestsLeft > 0 && this.#idle.length < MAX_IDLE;
    if (wire.socket.destroyed || !isKept) {
      wire.socket.destroy();
      return;
    }
    wire.socket.resume();
    wire.restsUntil = afterNextLook();
    wire.idleLimit.extend(idleMs);
    this.#idle.push(wire);
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** One that has been idle for longest. */
  closeIdle(): boolean {
    const wire = this.#idle.shift();
    wire?.socket.destroy();
    return wire !== undefined;
  }

  /** Closes those that nothing uses. */
  close(): void {
    for (const { socket } of [...this.#idle]) socket.destroy();
  }

  /** No connection will be asked for any more. */
  end(): void {
    this.close();
    this.#lines.remove(this);
  }

  #open(): Wire {
    this.#lines.open();
    const options: TcpNetConnectOpts & { highWaterMark: number } = {
      host: this.host,
      port: this.port,
      noDelay: true,
      highWaterMark: HIGH_WATER_MARK,
      onread: {
        buffer: input,
        callback: (length) => {
          // Bytes that nobody asked for: what they belong to cannot be known.
          if (wire.user === undefined) socket.destroy();
          else wire.user.data(input.subarray(0, length));
          return true;
        },
      },
    };
    const socket = this.#connector.connect(options, () => connectLimit.clear());
    const wire: Wire = {
      socket,
      used: false,
      requestsLeft: Number.POSITIVE_INFINITY,
      user: undefined,
      restsUntil: 0,
      reason: "connection closed",
      idleLimit: this.#deadlines.unarmed(() => socket.destroy()),
    };
    const connectLimit = this.#deadlines.arm(this.#connectMs, () => {
      wire.reason = `not connected within ${this.#connectMs} ms`;
      socket.destroy();
    });
    socket.on("end", () => {
      if (wire.user === undefined) socket.destroy();
      else wire.user.finished();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      wire.reason = error.code ?? error.message;
    });
    socket.on("close", () => {
      this.#lines.closed();
      connectLimit.clear();
      wire.idleLimit.clear();
      const at = this.#idle.indexOf(wire);
      if (at !== -1) this.#idle.splice(at, 1);
      wire.user?.closed(wire.reason);
    });
    return wire;
  }
}
