import type { Socket } from "node:net";
import type { Deadlines } from "../data/deadlines.ts";
import type { Failure } from "../errors.ts";
import { httpDate, responseHead } from "../http/write.ts";
import { type LogSink, logLine } from "../log.ts";

/** A client that is turned away has so long to read why. */
const LINGER_MS = 1000;
/** The log tells of them this often at most. */
const TELL_MS = 1000;

/** Connections for which there is no room: each is told so, and the log in a while how many they were. */
export class Refusals {
  readonly #deadlines: Deadlines;
  readonly #log: LogSink;
  readonly #untold = new Map<string, number>();

  constructor(deadlines: Deadlines, log: LogSink) {
    this.#deadlines = deadlines;
    this.#log = log;
  }

  /** Answers whatever the client is about to ask, and ends the connection. */
  turnAway(socket: Socket, failure: Failure): void {
    this.count(failure.detail ?? failure.message);
    const body = failure.toJson();
    const fields = `Date: ${httpDate()}\r\nRetry-After: ${failure.retryAfter}\r\nConnection: close\r\n`;
    const framing = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    const limit = this.#deadlines.arm(LINGER_MS, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => limit.clear());
    // A reset for bytes that nobody has read could overtake the answer.
    socket.resume();
    socket.end(responseHead(failure.status, fields + framing) + body, "latin1");
  }

  /** Ends a connection on which no plain answer may go out. */
  drop(socket: Socket, failure: Failure): void {
    this.count(failure.detail ?? failure.message);
    socket.destroy();
  }

  /** One more of which the log is to tell. */
  count(why: string): void {
    const isFirst = this.#untold.size === 0;
    this.#untold.set(why, (this.#untold.get(why) ?? 0) + 1);
    if (isFirst) this.#deadlines.arm(TELL_MS, () => this.#tell());
  }

  #tell(): void {
    for (const [why, connections] of this.#untold) this.#log(logLine({ refused: connections, why }));
    this.#untold.clear();
  }
}
