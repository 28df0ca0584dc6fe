import { ByteBuffer } from "./bytes.ts";
import { Failure, toFailure } from "./errors.ts";
import { type BodyDecoder, bodyDecoder } from "./http/body.ts";
import { findHeadEnd, HttpSyntaxError } from "./http/head.ts";
import { parseResponseHead, type ResponseHead } from "./http/response.ts";
import { writeTogether } from "./http/write.ts";
import type { Instance } from "./instances.ts";
import type { Piece } from "./pieces.ts";
import type { Wire, WireUser } from "./pool.ts";

const MAX_INTERIM_ANSWERS = 8;

/** A request to an engine, ready to be written. */
export interface EngineRequest {
  /** The whole head, its empty line included, and the body. Taken out when they are written: answers take long. */
  readonly pieces: Piece[];
}

/** Told what comes back. After `end` or `fail`, which comes once, nothing. A throw ends the exchange as a failure. */
export interface AnswerSink {
  head(head: ResponseHead): void;
  data(bytes: Buffer): void;
  end(): void;
  fail(failure: Failure): void;
}

/** One request and its answer on one connection. */
export class Exchange implements WireUser {
  readonly #instance: Instance;
  readonly #sink: AnswerSink;
  readonly #head = new ByteBuffer();
  readonly #wire: Wire;
  #answer: ResponseHead | undefined;
  #body: BodyDecoder | undefined;
  #interim = 0;
  #anyByte = false;
  #over = false;

  /** `fresh`: not on a connection that was kept. */
  constructor(instance: Instance, request: EngineRequest, fresh: boolean, sink: AnswerSink) {
    this.#instance = instance;
    this.#sink = sink;
    this.#wire = instance.pool.lease(this, fresh);
    writeTogether(this.#wire.socket, request.pieces.splice(0));
  }

  pause(): void {
    this.#wire.socket.pause();
  }

  resume(): void {
    if (!this.#over) this.#wire.socket.resume();
  }

  /** Ends the exchange as `failure`; the engine sees its connection closed at once. */
  abort(failure: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#wire.user = undefined;
    this.#wire.socket.destroy();
    this.#sink.fail(failure);
  }

  data(bytes: Buffer): void {
    this.#anyByte = true;
    try {
      this.#read(bytes);
    } catch (error) {
      this.abort(
        error instanceof HttpSyntaxError
          ? this.#failed(`malformed HTTP: ${error.message}`)
          : toFailure(error),
      );
    }
  }

  finished(): void {
    if (this.#body?.endOfInput() === true) this.#complete(false);
    else this.#lost("connection closed by the engine");
  }

  closed(reason: string): void {
    this.#lost(reason);
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    while (this.#body === undefined) {
      const seen = this.#head.length;
      if (seen > 0) this.#head.append(rest);
      const all = seen > 0 ? this.#head.view() : rest;
      const end = findHeadEnd(all, seen);
      if (end === -1) {
        if (seen === 0) this.#head.appendCopy(rest);
        return;
      }
      this.#head.take();
      rest = all.subarray(end);
      this.#begin(parseResponseHead(all.subarray(0, end)));
      if (this.#over) return;
      if (rest.length === 0) break;
    }
    const body = this.#body;
    if (body === undefined) return;
    const pieces: Buffer[] = [];
    let used: number;
    try {
      used = body.push(rest, (piece) => pieces.push(piece));
    } finally {
      // What came well before an error counts.
      if (pieces.length > 0)
        this.#sink.data(pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces));
    }
    if (body.done && !this.#over) this.#complete(used === rest.length);
  }

  #begin(head: ResponseHead): void {
    if (head.status === 101) throw new HttpSyntaxError("an upgrade that nobody asked for");
    if (head.status < 200) {
      if (++this.#interim > MAX_INTERIM_ANSWERS) throw new HttpSyntaxError("too many interim answers");
      return;
    }
    this.#answer = head;
    this.#body = bodyDecoder(head.framing, "until-close");
    this.#sink.head(head);
  }

  #complete(nothingElseCame: boolean): void {
    this.#over = true;
    // With a request that is still being written, the next one's bytes would not start where the engine thinks.
    const clean = nothingElseCame && this.#wire.socket.writableLength === 0;
    if (clean && this.#answer?.keepAlive === true) {
      this.#instance.pool.keep(this.#wire);
    } else {
      this.#wire.user = undefined;
      this.#wire.socket.destroy();
    }
    this.#sink.end();
  }

  #lost(reason: string): void {
    if (this.#anyByte) this.abort(this.#failed(reason));
    else this.abort(this.#unreachable(reason));
  }

  #failed(detail: string): Failure {
    return new Failure(`${this.#instance.role}_failed`, { detail });
  }

  #unreachable(detail: string): Failure {
    const retry = this.#wire.used ? "any" : "another";
    return new Failure(`${this.#instance.role}_unreachable`, { detail, retry });
  }
}
