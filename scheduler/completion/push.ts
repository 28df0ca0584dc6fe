import type { Answer } from "../client/reply.ts";
import type { Timeouts } from "../config/config.ts";
import { pushHere } from "../config/handoffs.ts";
import type { Question } from "../engine/exchange.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { type Failure, toFailure } from "../errors.ts";
import type { Metaserver } from "./metaserver.ts";

/** Of prefill, which is neither decode's fault nor a reason to ask another decode instance. */
export class PushFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** What the two legs of a request are, where decode is asked first. */
export interface Legs {
  /** Asks decode, with `kvParams`; of the question, `own` is otherwise. */
  readonly decode: (kvParams: string, own: Partial<Question>) => Promise<void>;
  /** Has prefill compute the prompt and push it where decode's `params` say. */
  readonly prefill: (params: string, stop: StopSignal) => Promise<unknown>;
  /** How much longer decode has once the time for its first token is over. */
  readonly patience: () => (() => number) | undefined;
  /** Neither will be asked again. */
  readonly bothAnswered: () => void;
}

/**
 * Asks one decode instance, and prefill once that has told where it wants the KV cache. Throws PushFailed, at once, when
 * prefill fails and decode has not begun to answer: it would wait for ever.
 *
 * A client that leaves ends decode's leg only. A decode engine frees the room for a KV cache not before this has
 * been pushed: it would stay taken for good if prefill, which has begun one token's work, were ended as well.
 */
export async function pushed(
  metaserver: Metaserver,
  answer: Answer,
  { prefillMs, firstTokenMs }: Timeouts,
  { decode, prefill, patience, bothAnswered }: Legs,
): Promise<void> {
  const stop = new StopSignal();
  if (answer.stop.failure !== undefined) throw answer.stop.failure;
  answer.stop.listen({ abort: (failure) => stop.stop(failure) });
  let failure: Failure | undefined;
  let isAnswered = false;
  let isPushed = false;
  let isParting = false;
  /** For decode to tell; then prefill's own limit counts; then for the first token. */
  let due = performance.now() + prefillMs;
  let more: (() => number) | undefined;
  const ticket = metaserver.expect(answer.trace.id, (params) => {
    due = Number.POSITIVE_INFINITY;
    metaserver
      .outlivingClients((own) => prefill(params, own))
      .then(
        () => {
          answer.trace.mark("prefill");
          isPushed = true;
          due = performance.now() + firstTokenMs;
          more = patience();
          if (isAnswered) bothAnswered();
        },
        (error: unknown) => {
          if (answer.started) return;
          failure = toFailure(error);
          stop.stop(failure);
        },
      );
  });
  try {
    await decode(pushHere(ticket.url), {
      stop,
      limitMs: Math.min(prefillMs, firstTokenMs),
      more() {
        const left = Math.min(due - performance.now(), firstTokenMs);
        return answer.started ? 0 : left > 0 ? left : (more?.() ?? 0);
      },
      answered() {
        isAnswered = true;
        if (isPushed) bothAnswered();
      },
      parting: {
        readsOn: false,
        began() {
          isParting = true;
          ticket.linger();
        },
        // An engine that has ended its work may have put its place on the way before.
        ended() {},
      },
    });
  } catch (error) {
    throw failure === undefined ? error : new PushFailed(failure);
  } finally {
    if (!isParting) ticket.close();
  }
}
