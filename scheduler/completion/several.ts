import type { Answer, Reply } from "../client/reply.ts";
import type { Hold } from "../data/budget.ts";
import { ByteBuffer } from "../data/bytes.ts";
import { joined, type Piece } from "../data/pieces.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure, toFailure } from "../errors.ts";
import { Trace } from "../log.ts";
import { type Common, commonOf, type Part, readPart, remade, sumOf, type Usage } from "./choices.ts";
import type { Sequence } from "./sequences.ts";
import { dataOf, EventSplitter } from "./sse.ts";
import { addTokens } from "./usage.ts";

/** Of one request, however many it asks for. */
export const AT_ONCE = 16;
/** All plain answers of one request together: they are held until the last is there. */
const MAX_JOINED_BYTES = 8 * 1024 * 1024;

/**
 * Has `sequences` answered, some at once, and makes one answer of theirs: choices in order, or chunks as they come,
 * with one usage. Throws the first Failure, when nothing works on the others any more.
 */
export async function answerSeveral(
  sequences: readonly Sequence[],
  reply: Reply,
  answerOne: (sequence: Sequence, answer: Answer) => Promise<void>,
): Promise<void> {
  const all = new JoinedAnswer(reply);
  let next = 0;
  const goOn = async () => {
    for (let at = next++; at < sequences.length && all.failure === undefined; at = next++) {
      const sequence = sequences[at] as Sequence;
      const answer = all.answer(sequence, at);
      try {
        await answerOne(sequence, answer);
      } catch (error) {
        all.fail(error);
      } finally {
        all.ended(answer);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, goOn));
  if (all.failure !== undefined) throw all.failure;
  all.end();
}

/** Why the others end: no fault of an instance. */
const NOT_WANTED = new Failure("client_left");

/** The one answer that is made of several. */
class JoinedAnswer {
  readonly #reply: Reply;
  readonly #answers = new Set<SequenceAnswer>();
  readonly #plain: Part[] = [];
  readonly #usages: { readonly usage: Usage; readonly samePrompt: boolean }[] = [];
  /** The chunk that one of the streams has told its usage in. */
  #last: Part | undefined;
  #common: Common | undefined;
  #held = 0;
  failure: Failure | undefined;

  constructor(reply: Reply) {
    this.#reply = reply;
    if (reply.stop.failure !== undefined) this.fail(reply.stop.failure);
    reply.stop.listen({ abort: (failure) => this.fail(failure) });
    reply.onDrain = () => {
      for (const answer of this.#answers) answer.onDrain?.();
    };
  }

  answer(sequence: Sequence, at: number): SequenceAnswer {
    const answer = new SequenceAnswer(this, this.#reply, sequence, at);
    this.#answers.add(answer);
    return answer;
  }

  /** Only the first failure counts; what else runs is not wanted any more. */
  fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = toFailure(error);
    for (const { stop } of this.#answers) stop.stop(NOT_WANTED);
  }

  ended(answer: SequenceAnswer): void {
    this.#answers.delete(answer);
    tellAttempt(this.#reply.trace, answer.trace);
    addTokens(this.#reply.trace, answer.trace, !answer.sequence.samePrompt);
  }

  /** A plain answer is whole. */
  add(bytes: Buffer, { firstChoice, samePrompt }: Sequence, at: number): void {
    const part = readPart(bytes, firstChoice);
    if (part === undefined) throw new Failure("decode_failed", { detail: "its answer has no choices" });
    this.#plain[at] = part;
    if (part.usage !== undefined) this.#usages.push({ usage: part.usage, samePrompt });
  }

  /** So many bytes of plain answers have come. */
  hold(count: number): void {
    this.#held += count;
    if (this.#held <= MAX_JOINED_BYTES) return;
    const message = "The answers are too long to be made one: ask for them one by one, or as a stream";
    const detail = `several answers are over ${MAX_JOINED_BYTES} bytes together`;
    this.fail(new Failure("decode_failed", { message, detail }));
    throw NOT_WANTED;
  }

  openEvents(): void {
    if (this.#reply.started) return;
    this.#reply.trace.mark("firstEvent");
    this.#reply.openEvents();
  }

  /** Whole events of one stream. */
  write(bytes: Buffer, { firstChoice, samePrompt }: Sequence): boolean {
    const pass: Buffer[] = [];
    for (const event of EventSplitter.split(bytes)) {
      const data = dataOf(event);
      if (data?.equals(DONE)) continue;
      const part = data && readPart(data, firstChoice);
      if (part === undefined) {
        pass.push(event);
        continue;
      }
      this.#common ??= commonOf(part);
      if (part.choices.length > 0 || part.usage === undefined) {
        pass.push(asEvent(remade(part, part.choices, undefined, this.#common)));
      } else {
        this.#usages.push({ usage: part.usage, samePrompt });
        // The next bytes of an engine are read into the same memory.
        this.#last = { ...part, bytes: Buffer.from(part.bytes) };
      }
    }
    return pass.length === 0 || this.#reply.write(Buffer.concat(pass));
  }

  end(): void {
    const usage = sumOf(this.#usages);
    const [first] = this.#plain;
    if (first !== undefined) {
      const choices = this.#plain.flatMap((part) => part.choices);
      this.#reply.send(200, [remade(first, choices, usage)]);
      return;
    }
    this.#reply.onDrain = undefined;
    if (this.#last !== undefined) this.#reply.write(asEvent(remade(this.#last, [], usage, this.#common)));
    this.#reply.write(DONE_EVENT);
    this.#reply.end();
  }
}

const DONE = Buffer.from("[DONE]");
const DONE_EVENT = Buffer.from("data: [DONE]\n\n");

export function asEvent(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from("data: "), data, Buffer.from("\n\n")]);
}

/** What one sequence is answered, as part of the whole answer. */
class SequenceAnswer implements Answer {
  readonly trace: Trace;
  readonly stop = new StopSignal();
  onDrain: (() => void) | undefined;
  onOpen: (() => void) | undefined;
  started = false;
  readonly #all: JoinedAnswer;
  readonly sequence: Sequence;
  readonly #at: number;
  readonly hold: Hold;
  readonly #held: ByteBuffer;
  #isStream = false;

  constructor(all: JoinedAnswer, { trace: whole, hold }: Reply, sequence: Sequence, at: number) {
    this.#all = all;
    this.hold = hold;
    this.#held = new ByteBuffer(undefined, hold);
    this.sequence = sequence;
    this.#at = at;
    const totals = { addBytes() {}, addEvents: (count: number) => whole.addEvents(count) };
    this.trace = new Trace(`${whole.id}-${at}`, whole.method, whole.path, totals, whole);
  }

  #open(): void {
    this.started = true;
    this.onOpen?.();
  }

  openEvents(): void {
    this.#isStream = true;
    this.#open();
    this.#all.openEvents();
  }

  /** No API whose answers are made of several has records. */
  openRecords(): void {
    throw new Error("records of several sequences");
  }

  openSized(): void {
    this.#open();
  }

  write(bytes: Buffer): boolean {
    if (this.#isStream) return this.#all.write(bytes, this.sequence);
    this.#all.hold(bytes.length);
    this.#held.appendCopy(bytes);
    return true;
  }

  send(_status: number, body: readonly Piece[]): void {
    this.openSized();
    this.write(joined(body));
    this.end();
  }

  end(): void {
    if (!this.#isStream) this.#all.add(this.#held.take(), this.sequence, this.#at);
  }
}

/** The request's line in the log names all instances that had part in it. */
export function tellAttempt(whole: Trace, one: Trace): void {
  one.endLegs();
  for (const role of ["prefill", "decode"] as const) {
    const names = new Set([whole[role], one[role]].flatMap((list) => list?.split(",") ?? []));
    if (names.size > 0) whole[role] = [...names].sort().join(",");
  }
  if (one.retries !== undefined) whole.retries = (whole.retries ?? 0) + one.retries;
  whole.recomputed ??= one.recomputed;
}
