import type { Answer } from "../client/reply.ts";
import { ByteBuffer } from "../data/bytes.ts";
import { joined, type Piece } from "../data/pieces.ts";
import { Failure } from "../errors.ts";
import { Trace } from "../log.ts";
import { type Common, commonOf, readPart, remade } from "./choices.ts";
import { History } from "./history.ts";
import { joinAnswers, type PlainPart, readPlain } from "./plain-parts.ts";
import { hasTools, readAgain, stopsOf } from "./resumable.ts";
import type { Shape } from "./sequences.ts";
import { asEvent } from "./several.ts";
import { dataOf, EventSplitter } from "./sse.ts";
import { withoutTransferParams } from "./transfer-params.ts";

/** A plain answer is held until it is whole. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

const GIVEN_BACK = /(?<!\\)"(?:stop_reason|finish_reason|stop_sequence)":"recomputed"/;
const TOOL_CALL = '"tool_calls":[{';
const NOTHING = Buffer.alloc(0);
const ONLY_IDS = '"delta":{},"logprobs":null,"finish_reason":null';
const ROLE = /(?<!\\)"delta":\{"role":"[^"\\]*",?/;
const NO_DELTA = /(?<!\\)"delta":\{(?:"content":(?:""|null))?\}/;
const CACHED = /(?<!\\)"cached_tokens":([0-9]+)/;
const REASONING = /(?<!\\)"reasoning_tokens":([0-9]+)/;

/** Why none can go on with an answer that was given back, as the client is told. */
export function givenBack(why: string): Failure {
  const message = `Decode ran out of KV cache and gave the answer back, and none can go on with it: ${why}`;
  return new Failure("given_back", { message });
}

const wrongPrompt = () => givenBack("its engine goes on from other tokens");

/** An answer of several pairs of legs, each of which goes on where the one before was given back. */
export class ResumedAnswer {
  readonly inner: Answer;
  readonly history = new History();
  readonly #body: Buffer;
  readonly #shape: Shape;
  readonly #isStream: boolean;
  readonly #wantsIds: boolean;
  readonly #parts: PlainPart[] = [];
  #common: Common | undefined;
  /** Tokens that were made before this leg, and of these those for reasoning. */
  #before = 0;
  #reasoning = 0;
  #isLater = false;
  #hasRole = false;
  /** What has come that none can go on with. */
  obstacle: string | undefined;

  /** `body`: of the request, as far as it is kept. */
  constructor(
    inner: Answer,
    { body, shape, isStream, wantsIds }: { body: Buffer; shape: Shape; isStream: boolean; wantsIds: boolean },
  ) {
    this.inner = inner;
    this.#body = body;
    this.#shape = shape;
    this.#isStream = isStream;
    this.#wantsIds = wantsIds;
  }

  firstLeg(): Leg {
    return new Leg(this, this.inner.trace, this.#isStream);
  }

  /** An engine knows each of them by a name of its own. */
  #leg(times: number): Leg {
    const { trace } = this.inner;
    return new Leg(
      this,
      new Trace(`${trace.id}-again-${times}`, trace.method, trace.path, trace, trace),
      this.#isStream,
    );
  }

  /** What goes on behind all tokens so far. */
  nextLeg(times: number): Leg {
    this.#isLater = true;
    this.#before = this.history.length;
    this.history.expect();
    return this.#leg(times);
  }

  /** What begins from the start: the client has none of it. */
  newLeg(times: number): Leg {
    this.history.clear();
    this.#parts.length = 0;
    this.#before = 0;
    this.obstacle = undefined;
    return this.#leg(times);
  }

  /** Whole events as the client may see them. */
  events(bytes: Buffer, leg: Leg): Buffer {
    const text = bytes.toString("latin1");
    const isOne = text.indexOf("\n\n") === text.length - 2;
    if (isOne) return this.#event(text, leg);
    return Buffer.concat(EventSplitter.split(bytes).map((one) => this.#event(one.toString("latin1"), leg)));
  }

  #event(event: string, leg: Leg): Buffer {
    if (leg.isGivenBack) {
      this.#countReasoning(event);
      return NOTHING;
    }
    const before = this.history.length;
    leg.isGivenBack = this.#isBack(event);
    const bare = this.history.take(event, this.#wantsIds, leg.isGivenBack, wrongPrompt);
    if (leg.isGivenBack) return this.#last(bare, this.history.length > before);
    if (event.includes(TOOL_CALL)) this.obstacle = "a call of a tool has begun";
    // It is there for its ids alone.
    if (!this.#wantsIds && event.includes(ONLY_IDS)) return NOTHING;
    if (this.#isLater) return this.#later(bare);
    this.#common ??= this.#commonOf(bare);
    this.#hasRole ||= bare.includes('"role":"');
    return Buffer.from(bare, "latin1");
  }

  /** Where the engine is slow to tell, the last tokens come with the end. */
  #last(bare: string, hasTokens: boolean): Buffer {
    if (!hasTokens) return NOTHING;
    if (hasTools(readAgain(this.#body))) this.obstacle = "a call of a tool may have begun";
    const open = bare
      .replace(/("finish_reason":)"[a-z_]*"/, "$1null")
      .replace(/"stop_reason":"recomputed",?/, this.#shape === "chat" ? "" : '"stop_reason":null,');
    return this.#isLater ? this.#later(open) : Buffer.from(open, "latin1");
  }

  /** An event of an answer that goes on: with the identity, the role and the usage that the whole has. */
  #later(event: string): Buffer {
    const bytes = Buffer.from(event, "latin1");
    const data = dataOf(bytes);
    const part = data && readPart(data, 0);
    if (part === undefined) return bytes;
    const choices = part.choices.map((choice) =>
      this.#hasRole ? choice.replace(ROLE, '"delta":{') : choice,
    );
    if (
      choices.length > 0 &&
      choices.every((choice, at) => choice !== part.choices[at] && NO_DELTA.test(choice))
    )
      return NOTHING;
    this.#hasRole ||= event.includes('"role":"');
    const { usage } = part;
    const all = usage && { prompt: usage.prompt - this.#before, completion: usage.completion + this.#before };
    const whole = remade(part, choices, all, this.#common).toString("latin1");
    return asEvent(Buffer.from(this.#details(whole, all?.prompt), "latin1"));
  }

  #details(text: string, prompt = 0): string {
    return text
      .replace(CACHED, (_, count) => `"cached_tokens":${Math.min(Number(count), prompt)}`)
      .replace(REASONING, (_, count) => `"reasoning_tokens":${Number(count) + this.#reasoning}`);
  }

  #countReasoning(event: string): void {
    const count = REASONING.exec(event)?.[1];
    if (count !== undefined && event.includes('"choices":[]')) this.#reasoning += Number(count);
  }

  #commonOf(event: string): Common | undefined {
    const data = dataOf(Buffer.from(event, "latin1"));
    const part = data && readPart(data, 0);
    return part && commonOf(part);
  }

  /** A text of the client's that ends its answer is told in the same way. */
  #isBack(text: string): boolean {
    if (!text.includes("recomputed") || !GIVEN_BACK.test(text)) return false;
    return !stopsOf(readAgain(this.#body)).includes("recomputed");
  }

  /** A plain answer is whole: as the client may see it, or nothing when it is not the end. */
  plain(bytes: Buffer, leg: Leg): Buffer | undefined {
    const text = bytes.toString("latin1");
    leg.isGivenBack = this.#isBack(text);
    let bare: string;
    try {
      bare = this.history.take(text, false, leg.isGivenBack, wrongPrompt);
    } catch (error) {
      this.obstacle = error instanceof Failure ? error.message : `${error}`;
      leg.isGivenBack = true;
      return undefined;
    }
    if (!leg.isGivenBack && this.#parts.length === 0)
      return Buffer.from(this.#wantsIds ? text : bare, "latin1");
    const part = readPlain(Buffer.from(bare, "latin1"));
    if (part === undefined) {
      // What was read as text may have been the beginning of something else.
      this.obstacle = "it is more than text";
      leg.isGivenBack = true;
    } else if (leg.isGivenBack) this.#parts.push(part);
    if (part === undefined || leg.isGivenBack) return undefined;
    const history = this.#wantsIds ? this.history : undefined;
    const all = joinAnswers([...this.#parts, part], this.#before, history).toString("latin1");
    return Buffer.from(this.#details(all, (part.usage?.prompt ?? 0) - this.#before), "latin1");
  }
}

/** What one pair of legs is answered, as part of the whole answer. */
export class Leg implements Answer {
  readonly trace: Trace;
  onOpen: (() => void) | undefined;
  started = false;
  isGivenBack = false;
  readonly #all: ResumedAnswer;
  readonly #isStream: boolean;
  readonly #held: ByteBuffer;

  constructor(all: ResumedAnswer, trace: Trace, isStream: boolean) {
    this.#all = all;
    this.trace = trace;
    this.#isStream = isStream;
    this.#held = new ByteBuffer(undefined, this.hold);
  }

  get hold() {
    return this.#all.inner.hold;
  }

  get stop() {
    return this.#all.inner.stop;
  }

  get onDrain() {
    return this.#all.inner.onDrain;
  }

  set onDrain(call) {
    this.#all.inner.onDrain = call;
  }

  #open(): void {
    this.started = true;
    this.onOpen?.();
  }

  openEvents(): void {
    this.#open();
  }

  /** No engine that gives requests back has records. */
  openRecords(): void {
    throw new Error("records of a request that may be given back");
  }

  openSized(): void {
    this.#open();
  }

  write(bytes: Buffer): boolean {
    const { inner } = this.#all;
    if (this.#isStream) {
      const pass = this.#all.events(bytes, this);
      if (pass.length === 0) return true;
      if (!inner.started) inner.openEvents();
      return inner.write(pass);
    }
    this.#held.appendCopy(bytes);
    if (this.#held.length <= MAX_HELD_BYTES) return true;
    throw new Failure("decode_failed", {
      message: "The answer is too long to be given in one: ask for it as a stream",
      detail: `a plain answer is over ${MAX_HELD_BYTES} bytes with its token ids`,
    });
  }

  send(_status: number, body: readonly Piece[]): void {
    this.#open();
    this.write(joined(body));
    this.end();
  }

  end(): void {
    const { inner } = this.#all;
    if (this.#isStream) {
      if (!this.isGivenBack) inner.end();
      return;
    }
    const whole = this.#all.plain(withoutTransferParams(this.#held.take()), this);
    if (whole !== undefined) inner.send(200, [whole]);
  }
}
