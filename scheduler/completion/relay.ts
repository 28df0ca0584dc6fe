import type { Answer } from "../client/reply.ts";
import { ByteBuffer } from "../data/bytes.ts";
import { ask } from "../engine/ask.ts";
import type { Flow, Question } from "../engine/exchange.ts";
import { failureFromEvent } from "../engine/refusal.ts";
import { Failure } from "../errors.ts";
import { clientsAnswer } from "./legs.ts";
import { ParamsGuard } from "./params-guard.ts";
import { DONE_LAST, EventSplitter, MAX_EVENT_BYTES, type StreamEnd } from "./sse.ts";
import { decodeTold, readUsage, usageOf } from "./usage.ts";

/** A plain answer up to this size is held until it is known to be whole. */
export const MAX_HELD_BYTES = 1024 * 1024;
/** How long the engine may take to end its answer behind the last event, so that its connection can be used again. */
const AFTERMATH_MS = 1000;
/** No line with an event's name that is looked for is longer. */
const MAX_NAME_LINE = 64;

/**
 * Relays an engine's event stream. Rejects with a Failure; whether the client can still be given a status then is
 * for `reply.fail` to know.
 */
export async function relayEvents(
  question: Question,
  reply: Answer,
  gapMs: number,
  last: StreamEnd = DONE_LAST,
): Promise<void> {
  const failed = (detail: string) => new Failure(`${question.instance.role}_failed`, { detail });
  const splitter = new EventSplitter(last, reply.hold);
  /** What was said before the work on it had begun: it waits, so that a failure can still have a status. */
  const early = new ByteBuffer(undefined, reply.hold);
  let seen = 0;
  let done = false;
  try {
    await ask(question, {
      data(bytes, flow) {
        if (done) return;
        const { pass: came, events, end, error } = splitter.push(bytes);
        seen += events;
        if (end === "done" && seen === 0 && !last.isAnswer)
          throw failed(`its stream has no event before ${last.name}`);
        const waits = !reply.started && end !== "done" && isPreamble(came, last);
        if (waits) early.appendCopy(came);
        if (early.length > MAX_EVENT_BYTES)
          throw failed(`it sent over ${MAX_EVENT_BYTES} bytes before it began`);
        const pass = waits || early.length === 0 ? came : Buffer.concat([early.take(), came]);
        if (!waits && pass.length > 0) {
          if (!reply.started) {
            reply.trace.mark("firstEvent");
            reply.openEvents();
          }
          reply.trace.addEvents(seen - reply.trace.events);
          // Comments keep a connection alive; they are no progress.
          paced(flow, reply, pass, gapMs, events > 0);
        }
        if (error !== undefined) throw failureFromEvent(question.instance, error);
        if (end === "done") {
          done = true;
          reply.trace.mark("lastEvent");
          reply.onDrain = undefined;
          reply.end();
          flow.resume();
          flow.limit.extend(AFTERMATH_MS);
        }
      },
      end() {
        if (!done) throw failed(`its stream ended without ${last.name}`);
      },
    });
  } catch (failure) {
    // The client has its whole answer: how the engine ends the connection is no concern of the request.
    if (!done) throw failure;
  } finally {
    decodeTold(reply.trace, readUsage(splitter.usage));
  }
}

function isPreamble(events: Buffer, { preamble }: StreamEnd): boolean {
  return (
    preamble !== undefined &&
    EventSplitter.split(events).every((event) => preamble.test(event.toString("latin1", 0, MAX_NAME_LINE)))
  );
}

/** Relays an engine's JSON answer: whole when it is small, else with its length as it comes. */
export function relayPlain(question: Question, reply: Answer, gapMs: number): Promise<void> {
  const failed = (detail: string) => new Failure(`${question.instance.role}_failed`, { detail });
  let held: ByteBuffer;
  const guard = new ParamsGuard();
  return ask(question, {
    head({ framing: { length = MAX_HELD_BYTES } }) {
      if (length > MAX_HELD_BYTES) reply.openSized(200, length);
      held = new ByteBuffer(length, reply.hold);
    },
    data(bytes, flow) {
      if (reply.started) {
        const pass = guard.push(bytes);
        if (pass.length > 0) paced(flow, reply, pass, gapMs);
        return;
      }
      held.appendCopy(bytes);
      if (held.length > MAX_HELD_BYTES)
        throw failed(`it sent over ${MAX_HELD_BYTES} bytes without their length`);
    },
    end() {
      if (reply.started) {
        const rest = guard.end();
        if (rest.length > 0) reply.write(rest);
        return reply.end();
      }
      const answer = held.take();
      decodeTold(reply.trace, usageOf(answer));
      reply.send(200, clientsAnswer(question.instance, answer));
    },
  });
}

/**
 * Writes to the client; while it does not keep up, the engine is not read and its time does not run. Without
 * `progress` the engine gets no more time.
 */
export function paced(flow: Flow, reply: Answer, bytes: Buffer, gapMs: number, progress = true): void {
  if (reply.write(bytes)) {
    if (progress) flow.limit.extend(gapMs);
    return;
  }
  flow.pause();
  flow.limit.clear();
  reply.onDrain = () => {
    reply.onDrain = undefined;
    flow.limit.extend(gapMs);
    flow.resume();
  };
}
