import { ByteBuffer } from "./bytes.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { Failure } from "./errors.ts";
import { type EngineRequest, Exchange } from "./exchange.ts";
import type { ResponseHead } from "./http/response.ts";
import type { Instance } from "./instances.ts";
import { refusal } from "./refusal.ts";
import type { StopSignal } from "./stop-signal.ts";

const MAX_REFUSAL_BYTES = 64 * 1024;

export interface Question {
  readonly instance: Instance;
  readonly request: EngineRequest;
  readonly deadlines: Deadlines;
  /** How long until the first `limit.extend`, or until the answer is complete. */
  readonly limitMs: number;
  /** Not on a connection that was kept: such a one may be dead without our knowing. */
  readonly fresh: boolean;
  /** Called when an answer begins: the request will not be sent again. */
  readonly answered?: () => void;
  /** Closes the connection to the engine at once. */
  readonly stop: StopSignal;
}

/** What whoever reads an answer can do about it. */
export interface Flow {
  /** Runs out: the question fails with a time-out. */
  readonly limit: Deadline;
  pause(): void;
  resume(): void;
}

export interface AnswerReader {
  /** The engine answers 200. May throw a Failure, as `data` may. */
  head?(head: ResponseHead, flow: Flow): void;
  /** `bytes` are there during the call only. */
  data(bytes: Buffer, flow: Flow): void;
}

/**
 * Asks an engine and hands its answer to `reader` as it comes. Resolves when the answer is complete; rejects with
 * a Failure for everything else, an engine's refusal included.
 */
export function ask(question: Question, reader: AnswerReader): Promise<void> {
  const { instance, request, deadlines, limitMs, fresh, answered, stop } = question;
  if (stop.failure !== undefined) return Promise.reject(stop.failure);
  const { role } = instance;
  return new Promise((resolve, reject) => {
    const limit = deadlines.arm(limitMs, () => exchange.abort(new Failure(`${role}_timeout`)));
    let refused: { readonly head: ResponseHead; readonly body: ByteBuffer } | undefined;
    const exchange = new Exchange(instance, request, fresh, {
      head(head) {
        answered?.();
        if (head.status === 200) reader.head?.(head, flow);
        else if (head.status >= 400) refused = { head, body: new ByteBuffer() };
        else throw new Failure(`${role}_failed`, { detail: `it answered with status ${head.status}` });
      },
      data(bytes) {
        if (refused === undefined) return reader.data(bytes, flow);
        refused.body.appendCopy(bytes);
        if (refused.body.length > MAX_REFUSAL_BYTES) throw refusal(role, refused.head, Buffer.alloc(0));
      },
      end() {
        limit.clear();
        if (refused === undefined) resolve();
        else reject(refusal(role, refused.head, refused.body.take()));
      },
      fail(failure) {
        limit.clear();
        reject(failure);
      },
    });
    const flow: Flow = { limit, pause: () => exchange.pause(), resume: () => exchange.resume() };
    stop.listen((failure) => exchange.abort(failure));
  });
}

/** Asks and holds the whole answer, which may have `maxBytes`. */
export async function askWhole(question: Question, maxBytes: number): Promise<Buffer> {
  const body = new ByteBuffer();
  await ask(question, {
    data(bytes) {
      body.appendCopy(bytes);
      if (body.length > maxBytes) {
        throw new Failure(`${question.instance.role}_failed`, {
          detail: `its answer is over ${maxBytes} bytes`,
        });
      }
    },
  });
  return body.take();
}
