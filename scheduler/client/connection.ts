import type { Socket } from "node:net";
import { type Client, Hold, NoRoom } from "../data/budget.ts";
import { ByteBuffer } from "../data/bytes.ts";
import type { Deadline } from "../data/deadlines.ts";
import type { Piece } from "../data/pieces.ts";
import { Failure, toFailure } from "../errors.ts";
import { type BodyDecoder, bodyDecoder } from "../http/body.ts";
import { findHeadEnd, HttpSyntaxError, valueIfSole } from "../http/head.ts";
import { parseRequestHead, type RequestHead } from "../http/request.ts";
import { writeTogether } from "../http/write.ts";
import { Trace } from "../log.ts";
import { requireJson } from "./body-type.ts";
import { requestId } from "./ids.ts";
import { Reply, type ReplyTarget } from "./reply.ts";
import type { ClientRequest, Handler, Service } from "./service.ts";

/** A connection without a request is closed after this long. */
const KEEP_ALIVE_MS = 75_000;
/** What a client sends on behind its last answer is read and dropped within these bounds, then cut off. */
const LINGER_MS = 5000;
const LINGER_BYTES = 64 * 1024 * 1024;
/** Requests sent ahead of the answer to the one before; a client that sends more has to ask again. */
const MAX_AHEAD_BYTES = 64 * 1024;

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

interface Incoming {
  readonly head: RequestHead;
  readonly handler: Handler;
  readonly decoder: BodyDecoder;
  readonly body: ByteBuffer;
  readonly reply: Reply;
}

/**
 * One client connection: reads a request, has it answered, reads the next. It goes on reading while a request is
 * being answered, because that is the only way to learn that the client has left.
 */
export class ClientConnection implements ReplyTarget {
  readonly #socket: Socket;
  readonly #service: Service;
  readonly #readLimit: Deadline;
  readonly #stallLimit: Deadline;
  #phase: "head" | "body" | "answer" | "linger" = "head";
  /** What has come and waits, and what the client has not read. */
  readonly #hold: Hold;
  readonly #input: ByteBuffer;
  /** How much of `#input` was searched for the end of the head. */
  #searched = 0;
  /** The request that is being read: everything but its answer. */
  #incoming: Incoming | undefined;
  /** The answer to the request that is being read or served. */
  #reply: Reply | undefined;
  #reading = false;
  #lingered = 0;
  /** Bytes of answers that were counted because the client does not read them. */
  #unread = 0;

  constructor(socket: Socket, service: Service, client: Client) {
    this.#socket = socket;
    this.#service = service;
    this.#hold = new Hold(service.budget, client, () => this.#gone(new Failure("client_stalled")));
    this.#input = new ByteBuffer(undefined, this.#hold);
    this.#readLimit = service.deadlines.arm(service.limits.requestHeadMs, () => this.#tooLate());
    this.#stallLimit = service.deadlines.unarmed(() => this.#gone(new Failure("client_stalled")));
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("drain", () => this.#drained());
    socket.on("error", () => {}); // `close` follows.
    socket.on("end", () => {
      // A client that waits for its answer with its own side closed cannot be told from one that has left.
      if (this.#reply === undefined) socket.end();
      else this.#gone(new Failure("client_left"));
    });
    socket.on("close", () => {
      this.#gone(new Failure("client_left"));
      this.#readLimit.clear();
      this.#stallLimit.clear();
      this.#hold.clear();
    });
  }

  /** No further request: an idle connection closes now, another one with the answer that is being given. */
  shutDown(): void {
    if (this.#reply === undefined) this.#socket.destroySoon();
    else this.#reply.close = true;
  }

  /** What it has running, or is still reading, ends as `failure`. */
  stop(failure: Failure): void {
    if (this.#phase === "body") this.#refuse(failure);
    else this.#reply?.stop.stop(failure);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    if (this.#phase === "linger") {
      this.#lingered += bytes.length;
      if (this.#lingered > LINGER_BYTES) this.#socket.destroy();
    } else if (this.#phase === "answer" && this.#input.length + bytes.length > MAX_AHEAD_BYTES) {
      this.#endsWithAnswer();
    } else {
      try {
        this.#input.append(bytes);
      } catch (error) {
        if (this.#phase === "answer") this.#endsWithAnswer();
        else this.#refuse(error);
        return;
      }
      this.#read();
    }
  }

  /** What was sent ahead of the answer is not kept. */
  #endsWithAnswer(): void {
    if (this.#reply !== undefined) this.#reply.close = true;
  }

  /** Takes as many requests out of `#input` as can be answered now. */
  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    // An answer that the client has not read yet is waited for: else answers would pile up in memory.
    while (this.#input.length > 0 && !this.#socket.writableNeedDrain) {
      try {
        if (this.#phase === "head" ? !this.#readHead() : this.#phase !== "body" || !this.#readBody()) break;
      } catch (error) {
        this.#refuse(error);
      }
    }
    this.#reading = false;
  }

  /** False while the head is incomplete. Throws HttpSyntaxError, and a Failure for what is not served. */
  #readHead(): boolean {
    const bytes = this.#input.view();
    if (this.#searched === 0) this.#readLimit.extend(this.#service.limits.requestHeadMs);
    // One empty line in front of a request is let pass (RFC 9112 §2.2).
    const start = bytes[0] === 0x0d && (bytes[1] ?? 0x0a) === 0x0a ? 2 : 0;
    const rest = start === 0 ? bytes : bytes.subarray(start);
    const end = findHeadEnd(rest, Math.max(this.#searched - start, 0));
    this.#searched = bytes.length;
    if (end === -1) return false;
    this.#searched = 0;
    this.#input.consume(start + end);
    this.#begin(parseRequestHead(rest.subarray(0, end)));
    return true;
  }

  #begin(head: RequestHead): void {
    const { method, path } = head;
    const id = requestId(valueIfSole(head.fields, "x-request-id"));
    const reply = this.#replyTo(new Trace(id, method, path, this.#service.totals), head);
    this.#service.began(reply);
    const decoder = bodyDecoder(head.framing, "empty");
    const { maxBodyBytes, requestBodyMs } = this.#service.limits;
    let incoming: Incoming;
    try {
      const admitted = this.#service.admit(head, reply);
      const handler = this.#service.route(head);
      requireJson(head);
      if ((head.framing.length ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
      incoming = {
        head: admitted,
        handler,
        decoder,
        body: new ByteBuffer(head.framing.length, reply.hold),
        reply,
      };
    } catch (error) {
      // What follows is a body that nobody reads, not a request.
      if (!decoder.done) reply.close = true;
      throw error;
    }
    this.#phase = "body";
    this.#readLimit.extend(requestBodyMs);
    this.#incoming = incoming;
    if (decoder.done) this.#answer(incoming);
    else if (head.expectsContinue && this.#input.length === 0) this.write([CONTINUE]);
  }

  /** False while the body is incomplete. */
  #readBody(): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined) return false;
    const { decoder, body } = incoming;
    const { maxBodyBytes } = this.#service.limits;
    const bytes = this.#input.take();
    const used = decoder.push(bytes, (piece) => {
      body.append(piece);
      if (body.length > maxBodyBytes) throw tooLarge(maxBodyBytes);
    });
    if (used < bytes.length) this.#input.append(bytes.subarray(used));
    if (decoder.done) this.#answer(incoming);
    return decoder.done;
  }

  #answer({ head, handler, body, reply }: Incoming): void {
    this.#incoming = undefined;
    this.#phase = "answer";
    this.#readLimit.clear();
    reply.trace.mark("body");
    void this.#serve(handler, { head, body }, reply);
  }

  async #serve(handler: Handler, request: ClientRequest, reply: Reply): Promise<void> {
    try {
      await handler(request, reply);
      reply.trace.outcome = "ok";
    } catch (error) {
      failed(reply, error);
    }
    this.#over(reply);
  }

  #replyTo(trace: Trace, head: RequestHead | undefined): Reply {
    const reply = new Reply(this, trace, new Hold(this.#service.budget, this.#hold.client), head);
    this.#reply = reply;
    return reply;
  }

  #over(reply: Reply): void {
    reply.turn?.end();
    reply.hold.clear();
    this.#service.ended(reply);
  }

  /** Answers a request that is not served: what is wrong may be its head, its body, or what it asks for. */
  #refuse(error: unknown): void {
    const reply =
      this.#reply ?? this.#replyTo(new Trace(requestId(undefined), "", "", this.#service.totals), undefined);
    // After an error in the framing, and what was not kept, nobody knows where the next request would begin.
    if (this.#phase === "body" || error instanceof HttpSyntaxError || error instanceof NoRoom)
      reply.close = true;
    this.#incoming = undefined;
    failed(reply, error);
    this.#over(reply);
  }

  #tooLate(): void {
    if (this.#phase === "linger") this.#socket.destroy();
    else if (this.#phase === "body" || this.#input.length > 0) this.#refuse(new Failure("request_timeout"));
    else this.#socket.destroySoon();
  }

  /** The client is not there any more, or is to be treated so. */
  #gone(failure: Failure): void {
    const isStillComing = this.#phase === "body";
    this.#phase = "linger";
    this.#reply?.stop.stop(failure);
    this.#socket.destroy();
    // Nothing works yet on a request that is still coming: nothing else would end it.
    if (isStillComing) this.#refuse(failure);
  }

  #drained(): void {
    this.#stallLimit.clear();
    this.#hold.stalled = false;
    this.#count(0);
    this.#reply?.onDrain?.();
    this.#read();
  }

  write(pieces: readonly Piece[]): boolean {
    if (this.#socket.destroyed) return true;
    const goOn = writeTogether(this.#socket, pieces);
    if (goOn) return true;
    this.#stallLimit.extend(this.#service.limits.stalledClientMs);
    try {
      this.#count(this.#socket.writableLength);
      this.#hold.stalled = true;
    } catch {
      this.#gone(new Failure("client_stalled"));
    }
    return this.#socket.destroyed;
  }

  /** So many bytes wait for the client to read. Throws NoRoom. */
  #count(unread: number): void {
    this.#hold.move(unread - this.#unread);
    this.#unread = unread;
  }

  finished(): void {
    const close = this.#reply?.close !== false;
    this.#reply = undefined;
    if (this.#socket.destroyed) return;
    if (close) {
      this.#linger();
      return;
    }
    this.#phase = "head";
    this.#readLimit.extend(KEEP_ALIVE_MS);
    this.#read();
  }

  cut(): void {
    // With TLS the end without a word of it says the same.
    if ("encrypted" in this.#socket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /**
   * Closing while the client still sends would reset the connection, and the reset could overtake the answer: so
   * our side is closed first, and what still comes is dropped.
   */
  #linger(): void {
    this.#phase = "linger";
    this.#input.take();
    this.#readLimit.clear();
    this.#stallLimit.extend(this.#service.limits.stalledClientMs);
    this.#socket.end(() => {
      this.#stallLimit.clear();
      if (!this.#socket.destroyed) this.#readLimit.extend(LINGER_MS);
    });
  }
}

function failed(reply: Reply, error: unknown): void {
  const failure = toFailure(error);
  reply.trace.outcome = failure.code;
  reply.trace.detail = failure.detail;
  reply.fail(failure);
  reply.trace.status ??= failure.status;
}

function tooLarge(maxBodyBytes: number): Failure {
  return new Failure("body_too_large", { message: `The body is larger than ${maxBodyBytes} bytes` });
}
