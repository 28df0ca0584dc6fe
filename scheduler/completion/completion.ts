import type { Answer, Reply } from "../client/reply.ts";
import type { ClientRequest, Handler } from "../client/service.ts";
import type { ServerConfig } from "../config/config.ts";
import { HANDOFFS, type Handoff, KV_PARAMS } from "../config/handoffs.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Piece } from "../data/pieces.ts";
import { askWhole } from "../engine/ask.ts";
import type { EngineRequest, Parting, Question } from "../engine/exchange.ts";
import { engineRequest, forwardedFields } from "../engine/request.ts";
import { Failure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import { KvHold } from "../instances/kv-hold.ts";
import type { Picker } from "../instances/policy.ts";
import type { Prefixes } from "../instances/prefixes.ts";
import type { Member } from "../json/spans.ts";
import type { Admission, Turn } from "./admission.ts";
import { answerLimit } from "./answer-limit.ts";
import type { Api } from "./api.ts";
import type { Backgrounds } from "./backgrounds.ts";
import { type Call, checkFit, readCall, release } from "./call.ts";
import { answerMembers, decodeBody, prefillBody, TELL_TOKENS, takeKvParams, takeTokens } from "./legs.ts";
import type { Metaserver } from "./metaserver.ts";
import { patience } from "./patience.ts";
import { prefixesIn } from "./prompt-prefixes.ts";
import { PushFailed, pushed } from "./push.ts";
import { relayPlain } from "./relay.ts";
import type { Releases } from "./releases.ts";
import { answerToTheEnd, detokenized, type Resuming } from "./resume.ts";
import { askedBy, type Sequence, type Shape, SOLE } from "./sequences.ts";
import { AT_ONCE, answerSeveral } from "./several.ts";
import { prefillTold, usageOf } from "./usage.ts";

/** Prefill's answer is one token, but prompt log probabilities can make it long. */
const MAX_PREFILL_ANSWER_BYTES = 8 * 1024 * 1024;

export interface Engines {
  readonly config: ServerConfig;
  readonly deadlines: Deadlines;
  readonly prefill: Picker;
  readonly decode: Picker;
  readonly releases: Releases;
  /** Where the handoff has decode asked first. */
  readonly metaserver: Metaserver | undefined;
  readonly backgrounds: Backgrounds;
  readonly admission: Admission;
}

/** A request, before it is known what it asks for. */
interface Asking {
  readonly path: string;
  readonly fields: ClientRequest["head"]["fields"];
  /** Of its body, in bytes. */
  readonly size: number;
  /** Of memory that its body takes. */
  readonly bytes: number;
  readonly shape: Shape;
  readonly once: boolean;
}

/** What all legs of a client's request have in common. */
interface Errand {
  readonly path: string;
  /** Lines of the client's head. */
  readonly forwarded: string;
  /** Of the client's body, in bytes. */
  readonly size: number;
  readonly isStream: boolean;
  /** Whether decode gets the tokens that prefill has made of the prompt. */
  readonly once: boolean;
  /** Of the prompt, where requests go by them. */
  readonly prefixes: Prefixes | undefined;
  /** Whether decode makes the answer while nobody waits for it. */
  readonly isBackground: boolean;
  /** Its own, where prefill has one thing to do for it. */
  turn: Turn | undefined;
}

/** What prefill gave for one sequence. */
interface Handed {
  readonly kvParams: string | undefined;
  /** Of its prompt, where they are asked for. */
  readonly tokens?: string | undefined;
  /** What prefill keeps for decode, if anything. */
  readonly kv: KvHold | undefined;
  /** Who has computed the prompt for decode, if anybody. */
  readonly from: Instance | undefined;
}

type Work = (turn: Turn) => Promise<void>;

/** Who is told of a leg, and ends it. */
type LegAnswer = Pick<Answer, "trace" | "stop" | "hold">;

const NOTHING: Handed = { kvParams: undefined, kv: undefined, from: undefined };

/** A completion: for each sequence prefill first, then decode with what prefill said; or decode first, which is pushed to. */
export function completions(engines: Engines, api: Api): Handler {
  const { config, deadlines, prefill, decode, releases, metaserver, backgrounds, admission } = engines;
  const { timeouts, kvLeaseMs, kvRelease } = config;
  const handoff: Handoff = HANDOFFS[config.handoff];
  const { firstTokenMs, answerMs } = timeouts;
  const legs = metaserver === undefined ? bothLegs : decodeFirst;

  return (request, reply) => {
    const { length: size, room: bytes } = request.body;
    const { path, fields } = request.head;
    const shape = api.shape(path);
    const once = shape === "chat" && handoff.byParams && config.tokenise === "once";
    const body = request.body.take();
    reply.hold.move(bytes);
    const call = readCall(body, handoff.unfit, once ? [TELL_TOKENS.key] : api.keys);
    const asking = { path, fields, size, bytes, shape, once };
    return call instanceof Promise ? answerLater(call, asking, reply) : answerCall(call, asking, reply);
  };

  async function answerLater(call: Promise<Call>, asking: Asking, reply: Reply): Promise<void> {
    return answerCall(await call, asking, reply);
  }

  function answerCall(call: Call, asking: Asking, reply: Reply): Promise<void> {
    const { path, fields, size, bytes, shape, once } = asking;
    call.held = { hold: reply.hold, bytes };
    const forwarded = forwardedFields(fields);
    const isStream = api.isStream(call);
    const isBackground = api.isBackground?.(call) === true;
    const errand: Errand = {
      path,
      forwarded,
      size,
      isStream,
      once,
      prefixes: undefined,
      isBackground,
      turn: undefined,
    };
    checkFit(call, handoff.unfit, shape === "chat");
    const asked = askedBy(call, shape, handoff);
    const limit = answerLimit(call, shape, config.maxAnswerTokens);
    const bound = api.boundTo?.(call, decode.instances);
    // KV cache that no decode instance will fetch would only take room: both roles or none.
    if (bound === undefined && !prefill.anyReady) throw new Failure("no_prefill");
    if (bound === undefined && !decode.anyReady) throw new Failure("no_decode");
    // A push is found by the request's own id, and a response has another.
    if (bound !== undefined || asked === "decode-alone" || (handoff.decodeFirst && shape === "response")) {
      reply.trace.recomputed = true;
      const from = bound === undefined ? decode : decode.of(bound);
      return inTurn(reply, 1, false, () =>
        decodeLeg(errand, call, { ...SOLE, decodeEdits: limit }, NOTHING, reply, undefined, { from }),
      );
    }
    const [only] = asked;
    const prefixesOf = config.policy === "affinity" ? prefixesIn(call) : undefined;
    const answerOne = (errand: Errand, call: Call, whole: Sequence, answer: Answer) => {
      const sequence =
        limit.length === 0 ? whole : { ...whole, decodeEdits: [...whole.decodeEdits, ...limit] };
      const one = prefixesOf === undefined ? errand : { ...errand, prefixes: prefixesOf(sequence) };
      return handoff.givesBack && shape !== "response"
        ? answerToTheEnd(call, sequence, answer, resuming(one, shape, answer))
        : legs(one, call, sequence, answer);
    };
    if (asked.length === 1 && only !== undefined)
      return inTurn(reply, 1, true, (turn) => {
        errand.turn = turn;
        return answerOne(errand, call, only, reply);
      });
    return inTurn(reply, Math.min(asked.length, AT_ONCE), true, () =>
      answerSeveral(asked, reply, (sequence, answer) =>
        answerOne(errand, { ...call, held: undefined }, sequence, answer),
      ),
    );
  }

  /** Does `work` when it is its turn. */
  function inTurn(reply: Reply, weight: number, prefills: boolean, work: Work): Promise<void> {
    const turn = admission.enter(reply.party, weight, prefills, reply.stop);
    if (turn instanceof Promise) return laterInTurn(reply, turn, work);
    reply.turn = turn;
    return work(turn);
  }

  async function laterInTurn(reply: Reply, turn: Promise<Turn>, work: Work): Promise<void> {
    const own = await turn;
    reply.turn = own;
    reply.trace.mark("admitted");
    return work(own);
  }

  function resuming(errand: Errand, shape: Shape, answer: Answer): Resuming {
    return {
      shape,
      isStream: errand.isStream,
      fails: config.givenBack === "fail",
      once: (call, sequence, leg) => legs(errand, call, sequence, leg),
      textOf: (ids) =>
        decode.run(0, (instance, fresh) => {
          const body = Buffer.from(`{"tokens":[${ids}]}`);
          const request = requestTo(instance, { ...errand, path: "/detokenize" }, answer, [body]);
          return detokenized({
            instance,
            request,
            deadlines,
            limitMs: firstTokenMs,
            fresh,
            stop: answer.stop,
          });
        }),
    };
  }

  async function bothLegs(errand: Errand, call: Call, sequence: Sequence, answer: Answer): Promise<void> {
    const busy: Instance[] = [];
    for (;;) {
      const handed = await prefillLeg(errand, call, sequence, answer);
      answer.onOpen = errand.isBackground ? undefined : () => handed.kv?.fetched();
      answer.trace.mark("prefill");
      try {
        if (handed.kvParams === undefined && handoff.byParams) {
          if (config.missingKvParams === "fail") throw new Failure("missing_kv_params");
          answer.trace.recomputed = true;
        }
        return await decodeLeg(errand, call, sequence, handed, answer, busy);
      } catch (failure) {
        giveUp(handed, failure, errand, answer);
        // Parameters that a decode instance has refused may be used up: another one gets others.
        if (!isBusy(failure) || !decode.hasReady(busy)) throw failure;
      }
    }
  }

  async function decodeFirst(errand: Errand, call: Call, sequence: Sequence, answer: Answer): Promise<void> {
    try {
      await decodeLeg(errand, call, sequence, NOTHING, answer, undefined, { pushes: metaserver });
    } catch (error) {
      throw error instanceof PushFailed ? error.failure : error;
    }
  }

  function prefillLeg(errand: Errand, call: Call, sequence: Sequence, answer: LegAnswer): Promise<Handed> {
    // Those of an answer that goes on are known, with what it has so far.
    const tellsTokens = errand.once && sequence.history === undefined;
    const asked = tellsTokens ? { ...sequence, edits: [...sequence.edits, TELL_TOKENS] } : sequence;
    const work = async (instance: Instance, fresh: boolean) => {
      answer.trace.attempt(instance, fresh);
      const question = {
        instance,
        request: requestTo(instance, errand, answer, prefillBody(call, handoff, asked)),
        deadlines,
        limitMs: timeouts.prefillMs,
        fresh,
        stop: answer.stop,
        hold: answer.hold,
      };
      const take = (said: Buffer, members: readonly Member[] | undefined): Handed => {
        const kvParams = takeKvParams(instance, said, members, handoff);
        prefillTold(answer.trace, usageOf(said));
        // An engine that gives no parameters keeps nothing either, nor does one that pushes.
        const isKept = handoff.byParams ? kvParams !== undefined : !handoff.decodeFirst;
        const tokens = tellsTokens ? takeTokens(said, members) : undefined;
        const kv = isKept ? new KvHold(instance, deadlines, kvLeaseMs) : undefined;
        return { kvParams, tokens, kv, from: isKept || handoff.decodeFirst ? instance : undefined };
      };
      const late = async (said: Buffer) => {
        try {
          giveUp(take(said, await answerMembers(said)), undefined, errand, answer);
        } catch {
          // An answer that is none gives nothing that could be given up.
        }
      };
      const said = await askWhole(question, MAX_PREFILL_ANSWER_BYTES, late);
      const members = answerMembers(said);
      const handed = take(said, members instanceof Promise ? await members : members);
      errand.turn?.prefilled();
      return handed;
    };
    return prefill.run(errand.size, work, undefined, errand.prefixes);
  }

  /** No client waits any more for what decode would make of it. */
  function giveUp({ kv, kvParams }: Handed, why: unknown, { forwarded }: Errand, { trace }: LegAnswer): void {
    if (kv?.isWatched) return;
    kv?.abandoned();
    if (kv === undefined || kvParams === undefined || kvRelease === "none") return;
    // Its refusal has told prefill; so does the end of what it has begun, which its parting tells of.
    if (isBusy(why)) kv.released();
    else if (!kv.mayBeFetched) releases.add({ kv, kvParams, forwarded, id: trace.id });
  }

  function decodeLeg(
    errand: Errand,
    call: Call,
    sequence: Sequence,
    { kvParams, tokens, kv, from: prefilled }: Handed,
    answer: Answer,
    busy?: Instance[],
    { pushes, from = decode }: { pushes?: Metaserver | undefined; from?: Picker } = {},
  ): Promise<void> {
    const { isStream, isBackground, forwarded } = errand;
    const parting = kv && kvRelease !== "none" ? partingOf(kv, isBackground) : undefined;
    const work = (instance: Instance, fresh: boolean) => {
      answer.trace.attempt(instance, fresh);
      let giver = prefilled;
      const id = api.newId?.(instance);
      const own =
        id === undefined
          ? sequence
          : { ...sequence, decodeEdits: [...sequence.decodeEdits, { key: "request_id", value: `"${id}"` }] };
      // A stream lasts for minutes: its prompt is not to stay in memory for as long.
      const answered = () => {
        release(call);
        if (giver !== undefined) instance.takeOver(giver.place);
        if (isBackground && id !== undefined) backgrounds.add({ instance, id, kv, forwarded });
      };
      const more = () => (isStream ? undefined : patience(instance, answer, timeouts));
      const relay = isStream ? api.relayStream : relayPlain;
      const ask = (params: string | undefined, otherwise?: Partial<Question>) => {
        const question: Question = {
          instance,
          request: requestTo(instance, errand, answer, decodeBody(call, params, own, tokens)),
          deadlines,
          limitMs: isStream ? firstTokenMs : Math.min(firstTokenMs, answerMs),
          more: more(),
          fresh,
          stop: answer.stop,
          answered,
          parting,
          ...otherwise,
        };
        return relay(question, answer, timeouts.tokenGapMs);
      };
      if (pushes === undefined) return ask(kvParams);
      return pushed(pushes, answer, timeouts, {
        decode: ask,
        prefill: async (params, stop) => {
          const edits = [...sequence.edits, { key: KV_PARAMS, value: params }];
          const asker = { trace: answer.trace, stop, hold: answer.hold };
          giver = (await prefillLeg(errand, call, { ...sequence, edits }, asker)).from;
        },
        patience: more,
        bothAnswered: answered,
      });
    };
    return from.run(errand.size, work, busy, errand.prefixes, kv && prefilled);
  }
}

/** Decode that is told of the end of a request has prefill free what it has not fetched. */
function partingOf(kv: KvHold, isBackground: boolean): Parting {
  return {
    readsOn: false,
    began() {
      kv.mayBeFetched = true;
    },
    // What it makes in the background it goes on with.
    ended: () => isBackground || kv.released(),
  };
}

function isBusy(failure: unknown): boolean {
  return failure instanceof Failure && failure.isBusy;
}

export function requestTo(
  instance: Instance,
  { path, forwarded }: Pick<Errand, "path" | "forwarded">,
  { trace }: LegAnswer,
  body?: readonly Piece[],
): EngineRequest {
  return engineRequest(instance, path, trace.id, forwarded + trace.traceLines, body);
}
