import type { Hold } from "../data/budget.ts";
import { ByteBuffer } from "../data/bytes.ts";
import type { Deadline, Deadlines } from "../data/deadlines.ts";
import type { Piece } from "../data/pieces.ts";
import { Failure, toFailure } from "../errors.ts";
import { type BodyDecoder, bodyDecoder } from "../http/body.ts";
import { type Field, findHeadEnd, HttpSyntaxError } from "../http/head.ts";
import { parseResponseHead, type ResponseHead } from "../http/response.ts";
import { writeTogether } from "../http/write.ts";
import type { Instance } from "../instances/instances.ts";
import type { Wire, WireUser } from "../instances/pool.ts";
import { idIn, isOfAnother } from "./attribution.ts";
import { MAX_ERROR_BYTES, refusal } from "./refusal.ts";
import type { Stoppable, StopSignal } from "./stop-signal.ts";

const NOTHING = Buffer.alloc(0);
const MAX_INTERIM_ANSWERS = 8;
/** How long an engine may take to end its work on a question that was broken off. */
const PARTING_MS = 5000;
/** This process, or the machine, has as many files open as it may. */
const NO_FILES = /^(?:EMFILE|ENFILE)$/;

const isRequestId = ({ name }: Field) => name === "x-request-id";

/** A request to an engine, ready to be written. */
export interface EngineRequest {
  /** Its `X-Request-Id`. */
  readonly id: string;
  /** The whole head, its empty line included, and the body. Taken out when they are written: answers take long. */
  readonly pieces: Piece[];
}

export interface Question {
  readonly instance: Instance;
  readonly request: EngineRequest;
  readonly deadlines: Deadlines;
  /** How long until the first `limit.extend`, or until the answer is complete. */
  readonly limitMs: number;
  /** Asked when that is over: how much longer, in milliseconds; up to 0 for no longer. */
  readonly more?: (() => number) | undefined;
  /** Not on a connection that was kept: such a one may be dead without our knowing. */
  readonly fresh: boolean;
  /** Called when an answer begins that is no refusal: the request will not be sent again. */
  readonly answered?: (() => void) | undefined;
  /** Without it the connection of a question that is broken off is closed on both sides at once. */
  readonly parting?: Parting | undefined;
  /** Not for a client: its answer is no sign that clients' requests are worked on. */
  readonly isCheck?: true;
  /** Counts what is held of its answer; without it nobody does. */
  readonly hold?: Hold;
  /** Closes the connection to the engine at once. */
  readonly stop: StopSignal;
}

/** What becomes of a question that is broken off: the engine sees its connection closed, and then closes its own side. */
export interface Parting {
  /** Whether an answer that comes all the same is read. */
  readonly readsOn: boolean;
  /** The engine has the whole request. */
  began?(): void;
  /** It has ended its work; `isWhole`: the answer came all the same. Not called where neither is seen in time. */
  ended(isWhole: boolean): void;
}

/** What whoever reads an answer can do about it. */
export interface Flow {
  /** Runs out: the question fails with a time-out. */
  readonly limit: Deadline;
  pause(): void;
  resume(): void;
}

/** Told what comes back. A throw is a failure like any other. */
export interface AnswerReader<T> {
  /** The engine answers 200. */
  head?(head: ResponseHead, flow: Flow): void;
  /** `bytes` are there during the call only. */
  data(bytes: Buffer, flow: Flow): void;
  /** The answer is complete: what came of it. */
  end(): T;
}

/** Called once. Without a failure the answer was complete and its status 200. */
type Settle = (failure?: Failure) => void;

/** One question and its answer on one connection. */
export class Exchange implements WireUser, Flow, Stoppable {
  readonly limit: Deadline;
  readonly #instance: Instance;
  readonly #answered: (() => void) | undefined;
  readonly #more: (() => number) | undefined;
  readonly #isCheck: boolean;
  /** Whether the connection may be kept. A check does not leave one behind each time. */
  readonly #mayKeep: boolean;
  readonly #parting: Parting | undefined;
  readonly #reader: AnswerReader<unknown>;
  readonly #settle: Settle;
  readonly #wire: Wire;
  readonly #id: string;
  readonly #head = new ByteBuffer();
  #answer: ResponseHead | undefined;
  #body: BodyDecoder | undefined;
  #refused: { readonly head: ResponseHead; readonly body: ByteBuffer } | undefined;
  #interim = 0;
  /** Whether its answer is known to be this one's, as far as it can be, and so the request will not be sent again. */
  #isOwn = false;
  #anyByte = false;
  #over = false;
  #isParting = false;
  #isSettled = false;

  constructor(question: Question, reader: AnswerReader<unknown>, settle: Settle) {
    const { instance, request, deadlines, limitMs, more, fresh, answered, isCheck, parting, stop } = question;
    this.#instance = instance;
    this.#answered = answered;
    this.#more = more;
    this.#isCheck = isCheck === true;
    this.#mayKeep = !(this.#isCheck && fresh);
    this.#parting = parting;
    this.#reader = reader;
    this.#settle = settle;
    this.#wire = instance.pool.lease(this, fresh);
    this.limit = deadlines.arm(limitMs, () => this.#expired());
    this.#id = request.id;
    writeTogether(this.#wire.socket, request.pieces.splice(0));
    stop.listen(this);
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
    if (this.#isParting || this.#parting === undefined) this.#close();
    else this.#part(this.#parting);
    if (!this.#isSettled) this.#settle(failure);
    this.#isSettled = true;
  }

  #part(parting: Parting): void {
    const { socket } = this.#wire;
    // What is not all written is no request to the engine.
    if (socket.destroyed || socket.connecting || socket.writableLength > 0) {
      this.#close();
      return;
    }
    this.#isParting = true;
    parting.began?.();
    socket.resume();
    socket.end();
    this.limit.extend(PARTING_MS);
  }

  #close(): void {
    this.#over = true;
    this.#wire.user = undefined;
    this.#wire.socket.destroy();
    this.limit.clear();
  }

  #parted(isWhole: boolean): void {
    this.#close();
    this.#parting?.ended(isWhole);
  }

  #expired(): void {
    const more = this.#isParting ? 0 : (this.#more?.() ?? 0);
    if (more > 0) this.limit.extend(more);
    else this.abort(new Failure(`${this.#instance.role}_timeout`));
  }

  data(bytes: Buffer): void {
    this.#anyByte = true;
    try {
      this.#read(bytes);
    } catch (error) {
      this.#broken(error);
    }
  }

  finished(): void {
    if (this.#body?.endOfInput() !== true) {
      this.#lost("connection closed by the engine");
      return;
    }
    try {
      this.#complete(false);
    } catch (error) {
      this.#broken(error);
    }
  }

  #broken(error: unknown): void {
    const isSyntax = error instanceof HttpSyntaxError;
    this.abort(isSyntax ? this.#failed(`malformed HTTP: ${error.message}`) : toFailure(error));
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
      if (pieces.length > 0) this.#take(pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces));
    }
    if (body.done && !this.#over) this.#complete(used === rest.length);
  }

  #begin(head: ResponseHead): void {
    const { status, framing } = head;
    if (status === 101) throw new HttpSyntaxError("an upgrade that nobody asked for");
    if (status < 200) {
      if (++this.#interim > MAX_INTERIM_ANSWERS) throw new HttpSyntaxError("too many interim answers");
      return;
    }
    this.#answer = head;
    this.#body = bodyDecoder(framing, "until-close");
    const echoed = head.fields.find(isRequestId);
    if (echoed !== undefined && isOfAnother(echoed.value, this.#id)) throw this.#spoilt();
    if (status === 200) {
      if (!this.#wire.used) this.#own(head);
    } else if (status >= 400) this.#refused = { head, body: new ByteBuffer() };
    else throw this.#failed(`it answered with status ${status}`);
  }

  /** It is the answer to this request. */
  #own(head: ResponseHead): void {
    this.#isOwn = true;
    this.#answered?.();
    if (!this.#isParting) this.#reader.head?.(head, this);
  }

  /** What came on a kept connection can be what was left from before. */
  #check(body: Buffer): void {
    const head = this.#answer;
    if (this.#isOwn || head === undefined || this.#refused !== undefined) return;
    if (isOfAnother(idIn(body) ?? "", this.#id)) throw this.#spoilt();
    this.#own(head);
  }

  /** Part of the body. */
  #take(bytes: Buffer): void {
    this.#check(bytes);
    if (this.#isParting && this.#parting?.readsOn !== true) return;
    if (!this.#isCheck) this.#instance.hear();
    if (this.#refused === undefined) {
      this.#reader.data(bytes, this);
      return;
    }
    const { head, body } = this.#refused;
    body.appendCopy(bytes);
    if (body.length > MAX_ERROR_BYTES) throw refusal(this.#instance, head, Buffer.alloc(0));
  }

  #complete(nothingElseCame: boolean): void {
    if (this.#isParting) {
      this.#parted(this.#refused === undefined);
      return;
    }
    this.#check(NOTHING);
    this.#over = true;
    // With a request that is still being written, the next one's bytes would not start where the engine thinks.
    const clean = nothingElseCame && this.#wire.socket.writableLength === 0;
    if (clean && this.#mayKeep && this.#answer?.keepAlive === true) {
      this.#instance.pool.keep(this.#wire, this.#answer.fields);
    } else {
      this.#wire.user = undefined;
      this.#wire.socket.destroy();
    }
    this.limit.clear();
    const refused = this.#refused;
    this.#settle(refused && refusal(this.#instance, refused.head, refused.body.take()));
  }

  #lost(reason: string): void {
    // The engine has ended it: there is nothing to part from.
    this.#wire.socket.destroy();
    if (this.#isParting) this.#parted(false);
    else if (this.#anyByte) this.abort(this.#failed(reason));
    else this.abort(this.#unreachable(reason));
  }

  #failed(detail: string): Failure {
    return new Failure(`${this.#instance.role}_failed`, { detail });
  }

  #spoilt(): Failure {
    const detail = "an answer to another request came on a connection that was kept";
    return new Failure(`${this.#instance.role}_failed`, { detail, retry: "any" });
  }

  #unreachable(detail: string): Failure {
    // The engine has not been asked: it is not to blame.
    if (NO_FILES.test(detail))
      return new Failure("overloaded", { detail: `${detail}: no more files can be opened` });
    const retry = this.#wire.used ? "any" : "another";
    return new Failure(`${this.#instance.role}_unreachable`, { detail, retry });
  }
}
