import type { Answer } from "../client/reply.ts";
import { askWhole } from "../engine/ask.ts";
import type { Question } from "../engine/exchange.ts";
import type { Call } from "./call.ts";
import type { History } from "./history.ts";
import { goingOn, hasTools, kept, readAgain, seesTokens, tellingIds, wantsIds, whyNot } from "./resumable.ts";
import { givenBack, type Leg, ResumedAnswer } from "./resumed-answer.ts";
import type { Sequence, Shape } from "./sequences.ts";
import { tellAttempt } from "./several.ts";
import { addTokens, countFrom } from "./usage.ts";

/*
 * vllm-ascend's decode gives a request back when it runs out of KV cache: its answer ends, and says `recomputed`. It is asked
 * again with the tokens that were made, through both legs, and goes on for the client as if nothing had been.
 */

/** As often a request is asked again: each time costs its prompt. */
const MAX_TIMES = 32;
/** As often a plain answer is begun anew, where none can go on with it. */
const MAX_ANEW = 2;
/** A character is made of so many tokens at most. */
const MAX_CHARACTER = 4;
const MAX_TEXT_BYTES = 64 * 1024;

export interface Resuming {
  readonly shape: Shape;
  readonly isStream: boolean;
  /** Not, but to end with an error. */
  readonly fails: boolean;
  /** Has both legs done once. */
  once(call: Call, sequence: Sequence, answer: Answer): Promise<void>;
  /** The text of some tokens; `undefined` when it cannot be told. */
  textOf(ids: readonly number[]): Promise<string | undefined>;
}

/** Has a sequence answered, however often decode gives it back. */
export async function answerToTheEnd(
  call: Call,
  sequence: Sequence,
  answer: Answer,
  resuming: Resuming,
): Promise<void> {
  const { shape, isStream, fails, once } = resuming;
  const first = !fails && (shape === "prompts" || shape === "chat") ? tellingIds(sequence) : sequence;
  const body = kept(call, shape, isStream);
  if (body === call.body) call.held = undefined;
  else answer.hold.move(body.length);
  const whole = new ResumedAnswer(answer, { body, shape, isStream, wantsIds: wantsIds(call) });
  let anew = 0;
  let asked = { call, sequence: first, leg: whole.firstLeg() };
  for (let times = 1; ; times++) {
    if (await isAnswered(asked, answer, once)) {
      if (times > 1 && isStream) answer.trace.mark("lastEvent");
      return;
    }
    answer.trace.givenBack = times;
    if (answer.stop.failure !== undefined) throw answer.stop.failure;
    if (fails) throw givenBack("this scheduler runs with --given-back fail");
    if (times > MAX_TIMES) throw givenBack(`it was given back ${times} times`);
    const again = readAgain(body);
    const why = whole.obstacle ?? (await whyNotFrom(whole.history, again, resuming));
    const next = why === undefined ? goingOn(again, shape, sequence, whole.history) : undefined;
    if (next !== undefined) asked = { call: again, sequence: next, leg: whole.nextLeg(times) };
    else if (isStream) throw givenBack(why ?? "it has all tokens that were asked for");
    else if (anew++ === MAX_ANEW) throw givenBack(`it was begun anew ${MAX_ANEW} times`);
    else asked = { call: again, sequence: first, leg: whole.newLeg(times) };
  }
}

/** Whether that was the end. */
async function isAnswered(
  { call, sequence, leg }: { readonly call: Call; readonly sequence: Sequence; readonly leg: Leg },
  { trace }: Answer,
  once: Resuming["once"],
): Promise<boolean> {
  try {
    await once(call, sequence, leg);
  } catch (error) {
    // What its engine has to say behind that is of no concern.
    if (!leg.isGivenBack) throw error;
  } finally {
    if (leg.trace !== trace) {
      tellAttempt(trace, leg.trace);
      // What the first leg has made is among the events of all.
      countFrom(trace, trace.events - leg.trace.events);
      addTokens(trace, leg.trace, false);
    }
  }
  return !leg.isGivenBack;
}

/** Why none can go on from there as if nothing had been. What the client has not seen is cut off, and made anew. */
async function whyNotFrom(history: History, call: Call, resuming: Resuming): Promise<string | undefined> {
  const { shape, isStream } = resuming;
  const why = whyNot(call, shape);
  if (why !== undefined) return why;
  if (!history.isKept) return "its tokens are not known";
  const isSeen = isStream && seesTokens(call);
  if (isStream && history.hasUnseen) {
    if (isSeen) return TOLD;
    history.cut();
  }
  if (isStream && !history.isUncertain) return undefined;
  if (isStream && hasTools(call)) return "a call of a tool may have begun";
  return cutCharacter(history, isSeen, resuming);
}

const TOLD = "its last tokens were told, but not their text";

/**
 * An engine holds back what is no whole character yet, and one that goes on from within a character tells all text of its
 * prompt with it.
 */
async function cutCharacter(
  history: History,
  isSeen: boolean,
  { textOf }: Resuming,
): Promise<string | undefined> {
  for (let cuts = 0; cuts < MAX_CHARACTER && history.length > 0; cuts++) {
    const text = await textOf(history.last(2 * MAX_CHARACTER));
    if (text === undefined) return "it is not known where its last character ends";
    if (!text.endsWith("\ufffd")) return undefined;
    if (isSeen) return TOLD;
    history.cut(1);
  }
  return history.length === 0 ? undefined : "its last tokens are no text";
}

/** What `/detokenize` says; `undefined` where an engine has none, or fails. */
export async function detokenized(question: Question): Promise<string | undefined> {
  try {
    const answer: unknown = JSON.parse((await askWhole(question, MAX_TEXT_BYTES)).toString());
    if (typeof answer !== "object" || answer === null || !("prompt" in answer)) return undefined;
    return typeof answer.prompt === "string" ? answer.prompt : undefined;
  } catch (error) {
    if (question.stop.failure !== undefined) throw error;
    return undefined;
  }
}
