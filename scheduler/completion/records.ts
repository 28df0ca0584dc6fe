import type { Answer } from "../client/reply.ts";
import type { Hold } from "../data/budget.ts";
import { ByteBuffer } from "../data/bytes.ts";
import { totalLength } from "../data/pieces.ts";
import { ask } from "../engine/ask.ts";
import type { Question } from "../engine/exchange.ts";
import { Failure } from "../errors.ts";
import { paced } from "./relay.ts";
import { withoutTransferParams } from "./transfer-params.ts";

/**
 * A longer record is a failure: what waits for its end is held in memory, once per stream. With `n` a record has as many
 * texts, and the prompt in each.
 */
export const MAX_COMPLETION_BYTES = 8 * 1024 * 1024;
/** A text repeats the prompt, in which two bytes of UTF-8 may have become six (`\u00fc`). */
const ESCAPED_FACTOR = 3;

const LF = 0x0a;
const NUL = 0x00;

/**
 * Cuts the stream of vLLM's `/generate` into whole records without changing them. A record is a JSON text on one
 * line, which no raw NUL or LF can stand in; vLLM up to 0.6.3 ends it with NUL, later ones with LF.
 */
export class RecordSplitter {
  readonly #held: ByteBuffer;

  /** `most`: how many bytes of a record are worth holding. `hold` counts them. */
  constructor(most: number, hold?: Hold) {
    this.#held = new ByteBuffer(most, hold);
  }

  /** The whole records that came; may be empty. */
  push(chunk: Buffer): Buffer {
    const end = Math.max(chunk.lastIndexOf(NUL), chunk.lastIndexOf(LF)) + 1;
    if (end === 0) {
      this.#held.appendCopy(chunk);
      return chunk.subarray(0, 0);
    }
    this.#held.append(chunk.subarray(0, end));
    const whole = this.#held.take();
    this.#held.appendCopy(chunk.subarray(end));
    return whole;
  }

  /** Bytes that wait for the end of their record. */
  get held(): number {
    return this.#held.length;
  }
}

/**
 * Relays an engine's stream of records. Its end is that of its HTTP body, so an engine has to frame it. Rejects
 * with a Failure; whether the client can still be given a status then is for `reply.fail` to know.
 */
export function relayRecords(question: Question, reply: Answer, gapMs: number): Promise<void> {
  const failed = (detail: string) => new Failure(`${question.instance.role}_failed`, { detail });
  const limit = MAX_COMPLETION_BYTES + ESCAPED_FACTOR * totalLength(question.request.pieces);
  const splitter = new RecordSplitter(limit, reply.hold);
  return ask(question, {
    head({ framing }) {
      if (!framing.chunked && framing.length === undefined) throw failed("its stream has no framed end");
    },
    data(bytes, flow) {
      const pass = withoutTransferParams(splitter.push(bytes));
      if (splitter.held > limit) throw failed(`a record is longer than ${limit} bytes`);
      if (pass.length === 0) return;
      if (!reply.started) {
        reply.trace.mark("firstEvent");
        reply.openRecords(pass[pass.length - 1] === NUL ? "\0" : "\n");
      }
      for (const byte of pass) if (byte === NUL || byte === LF) reply.trace.addEvents(1);
      paced(flow, reply, pass, gapMs);
    },
    end() {
      if (!reply.started) throw failed("its stream ended without a record");
      if (splitter.held > 0) throw failed("its stream ended within a record");
      reply.trace.mark("lastEvent");
      reply.end();
    },
  });
}
