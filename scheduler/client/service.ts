import type { Budget } from "../data/budget.ts";
import type { ByteBuffer } from "../data/bytes.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { RequestHead } from "../http/request.ts";
import type { Totals } from "../log.ts";
import type { Reply } from "./reply.ts";

export interface ClientRequest {
  readonly head: RequestHead;
  /** Whoever takes it decides how long it stays in memory. */
  readonly body: ByteBuffer;
}

/** Answers a request, or throws the Failure that it ends with. */
export type Handler = (request: ClientRequest, reply: Reply) => Promise<void> | void;

/** What the connections of one server share. */
export interface Service {
  readonly deadlines: Deadlines;
  readonly limits: ConnectionLimits;
  readonly totals: Totals;
  readonly budget: Budget;
  /** What of a head counts: all that is read of it later. Throws the Failure to answer with where it is not let in. */
  admit(head: RequestHead, reply: Reply): RequestHead;
  /** Throws the Failure to answer with when nothing serves this request. */
  route(head: RequestHead): Handler;
  /** A request's head has been read. */
  began(reply: Reply): void;
  /** Nothing works on the request any more. */
  ended(reply: Reply): void;
}

export interface ConnectionLimits {
  readonly requestHeadMs: number;
  readonly requestBodyMs: number;
  readonly stalledClientMs: number;
  readonly maxBodyBytes: number;
}
