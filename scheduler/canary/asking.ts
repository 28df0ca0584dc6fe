import { randomUUID } from "node:crypto";
import { type Call, readCall } from "../completion/call.ts";
import { answerMembers, decodeBody, prefillBody, rejectedBody, takeKvParams } from "../completion/legs.ts";
import { SOLE } from "../completion/sequences.ts";
import { HANDOFFS, type Handoff, type HandoffName, type Release } from "../config/handoffs.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Piece } from "../data/pieces.ts";
import { askWhole } from "../engine/ask.ts";
import { ERROR_KEYS, failureFromAnswer } from "../engine/refusal.ts";
import { engineRequest } from "../engine/request.ts";
import { StopSignal } from "../engine/stop-signal.ts";
import { Failure, toFailure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import { unitsOf } from "../instances/prefixes.ts";
import { scanIfObject } from "../json/spans.ts";
import { firstModel } from "../membership/stall.ts";
import { canaryBody, PROMPT } from "./song.ts";
import type { Answered } from "./verdict.ts";

const PATH = "/v1/completions";
/** For one leg. */
const LIMIT_MS = 10_000;
const RELEASE_MS = 2000;
const MAX_ANSWER_BYTES = 1024 * 1024;

interface Choice {
  readonly text?: unknown;
  readonly stop_reason?: unknown;
}

/** Asks engines for the canary's tokens. No client waits for them, and nothing counts them as a client's. */
export class Asking {
  readonly #deadlines: Deadlines;
  readonly #model: string | undefined;
  readonly #handoff: Handoff;
  readonly #release: Release;
  readonly #stops = new Set<StopSignal>();

  /** `model`: `undefined` for the one that engines tell of. */
  constructor(deadlines: Deadlines, model: string | undefined, handoff: HandoffName, release: Release) {
    this.#deadlines = deadlines;
    this.#model = model;
    this.#handoff = HANDOFFS[handoff];
    this.#release = release;
  }

  /** What decode computes by itself. */
  async alone(decode: Instance): Promise<Answered> {
    const id = newId();
    noteUncached(decode);
    try {
      return { text: await this.#text(decode, id, [(await this.#call(decode, id)).body]) };
    } catch (error) {
      return { failure: toFailure(error), leg: "decode" };
    }
  }

  /** What decode answers with KV cache from prefill, by both legs as a client's request has them. */
  async handed(prefill: Instance, decode: Instance): Promise<Answered> {
    const id = newId();
    let call: Call;
    let kvParams: string | undefined;
    try {
      call = await this.#call(prefill, id);
      noteUncached(prefill);
      const said = await this.#ask(prefill, PATH, id, LIMIT_MS, prefillBody(call, this.#handoff, SOLE));
      kvParams = takeKvParams(prefill, said, await answerMembers(said), this.#handoff);
      if (kvParams === undefined) throw new Failure("missing_kv_params");
    } catch (error) {
      return { failure: toFailure(error), leg: "prefill" };
    }
    try {
      noteUncached(decode);
      return { text: await this.#text(decode, id, decodeBody(call, kvParams, SOLE)) };
    } catch (error) {
      const failure = toFailure(error);
      // What a refusal names is free already.
      if (this.#release === "reject" && !failure.isBusy && failure.status !== 400)
        await this.#ask(decode, PATH, id, RELEASE_MS, rejectedBody(this.#model, kvParams)).catch(() => {});
      return { failure, leg: "decode" };
    }
  }

  close(): void {
    for (const stop of this.#stops) stop.stop(new Failure("shutting_down"));
  }

  async #call(instance: Instance, id: string): Promise<Call> {
    const model = this.#model ?? firstModel(await this.#ask(instance, "/v1/models", id, LIMIT_MS));
    return readCall(canaryBody(model, id), this.#handoff.unfit);
  }

  async #text(decode: Instance, id: string, body: readonly Piece[]): Promise<string> {
    const answer = await this.#ask(decode, PATH, id, LIMIT_MS, body);
    const failure = failureFromAnswer(decode, answer, scanIfObject(answer, ERROR_KEYS));
    if (failure !== undefined) throw failure;
    const { text, stop_reason: reason } = choiceOf(answer) ?? {};
    if (reason === "recomputed") throw new Failure("given_back");
    if (typeof text !== "string") throw new Failure("decode_failed", { detail: "its answer has no text" });
    return text;
  }

  async #ask(
    instance: Instance,
    path: string,
    id: string,
    limitMs: number,
    body?: readonly Piece[],
  ): Promise<Buffer> {
    const stop = new StopSignal();
    this.#stops.add(stop);
    const request = engineRequest(instance, path, id, "", body);
    const deadlines = this.#deadlines;
    const question = { instance, request, deadlines, limitMs, fresh: true, isCheck: true, stop } as const;
    return askWhole(question, MAX_ANSWER_BYTES).finally(() => this.#stops.delete(stop));
  }
}

/** Its metrics will tell of tokens that its prefix cache has not had. */
function noteUncached(instance: Instance): void {
  if (instance.cache !== undefined) instance.expect(unitsOf(PROMPT.length), 0);
}

const newId = () => `canary-${randomUUID()}`;

function choiceOf(answer: Buffer): Choice | undefined {
  try {
    return JSON.parse(answer.toString()).choices[0];
  } catch {
    return undefined;
  }
}
