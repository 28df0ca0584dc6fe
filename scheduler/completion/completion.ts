import type { ClientRequest, Handler } from "../client/connection.ts";
import type { Answer } from "../client/reply.ts";
import type { ServerConfig } from "../config/config.ts";
import type { Deadlines } from "../data/deadlines.ts";
import type { Piece } from "../data/pieces.ts";
import { askWhole } from "../engine/ask.ts";
import type { Question } from "../engine/exchange.ts";
import { engineRequest, forwardedFields } from "../engine/request.ts";
import { Failure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import { KvHold } from "../instances/kv-hold.ts";
import type { Picker } from "../instances/policy.ts";
import type { Trace } from "../log.ts";
import type { Api } from "./api.ts";
import { type Call, readCall } from "./call.ts";
import { decodeBody, prefillBody, takeKvParams } from "./legs.ts";
import { whileTokensCome } from "./patience.ts";
import { relayPlain } from "./relay.ts";
import { askedBy, type Sequence, SOLE } from "./sequences.ts";
import { answerSeveral } from "./several.ts";

/** Prefill's answer is one token, but prompt log probabilities can make it long. */
const MAX_PREFILL_ANSWER_BYTES = 8 * 1024 * 1024;

export interface Engines {
  readonly config: ServerConfig;
  readonly deadlines: Deadlines;
  readonly prefill: Picker;
  readonly decode: Picker;
}

/** A completion: for each sequence prefill first, then decode with what prefill said. */
export function completions({ config, deadlines, prefill, decode }: Engines, api: Api): Handler {
  const { timeouts, handoff, kvLeaseMs } = config;

  return async (request, reply) => {
    const size = request.body.length;
    const call = readCall(request.body.take());
    const stream = api.isStream(call);
    const asked = askedBy(call, api.shape(request.head.path), handoff);
    // KV cache that no decode instance will fetch would only take room: both roles or none.
    if (!prefill.anyReady) throw new Failure("no_prefill");
    if (!decode.anyReady) throw new Failure("no_decode");
    if (asked === "decode-alone") {
      reply.trace.recomputed = true;
      return decodeLeg(call, SOLE, undefined, reply);
    }
    const [only] = asked;
    if (asked.length === 1 && only !== undefined) return bothLegs(call, only, reply);
    return answerSeveral(asked, reply, (sequence, answer) => bothLegs({ ...call }, sequence, answer));

    async function bothLegs(call: Call, sequence: Sequence, answer: Answer): Promise<void> {
      const question = asking(deadlines, request, answer);
      const { kvParams, kv } = await prefill.run(size, async (instance, fresh) => {
        markAttempt(answer.trace, instance, fresh);
        const body = prefillBody(call, handoff, sequence.edits);
        const said = await askWhole(
          question(instance, fresh, timeouts.prefillMs, body),
          MAX_PREFILL_ANSWER_BYTES,
        );
        const kvParams = handoff === "plain" ? undefined : takeKvParams(said);
        // An engine that gives no parameters keeps nothing either.
        const isKept = handoff === "plain" || kvParams !== undefined;
        return { kvParams, kv: isKept ? new KvHold(instance, deadlines, kvLeaseMs) : undefined };
      });
      answer.onOpen = () => kv?.fetched();
      answer.trace.mark("prefill");
      try {
        if (kvParams === undefined && handoff !== "plain") {
          if (config.missingKvParams === "fail") throw new Failure("missing_kv_params");
          answer.trace.recomputed = true;
        }
        await decodeLeg(call, sequence, kvParams, answer);
      } catch (failure) {
        // The answer that begins now is not decode's.
        kv?.abandoned();
        throw failure;
      }
    }

    function decodeLeg(
      call: Call,
      sequence: Sequence,
      kvParams: string | undefined,
      answer: Answer,
    ): Promise<void> {
      const question = asking(deadlines, request, answer);
      return decode.run(size, (instance, fresh) => {
        markAttempt(answer.trace, instance, fresh);
        const limitMs = stream ? timeouts.firstTokenMs : timeouts.answerMs;
        const relay = stream ? api.relayStream : whileTokensCome(relayPlain, timeouts.firstTokenMs);
        // A stream lasts for minutes: its prompt is not to stay in memory for as long.
        const answered = () => {
          call.body = Buffer.alloc(0);
        };
        const body = decodeBody(call, kvParams, sequence.decodeEdits);
        const asked = question(instance, fresh, limitMs, body, answered);
        return relay(asked, answer, timeouts.tokenGapMs);
      });
    }
  };
}

/** GET /v1/models: what an engine says. */
export function models({ config, deadlines, prefill, decode }: Engines): Handler {
  return async (request, reply) => {
    const picker = decode.anyReady ? decode : prefill;
    const question = asking(deadlines, request, reply);
    await picker.run(0, (instance, fresh) => {
      markAttempt(reply.trace, instance, fresh);
      return relayPlain(
        question(instance, fresh, config.timeouts.answerMs),
        reply,
        config.timeouts.tokenGapMs,
      );
    });
  };
}

function markAttempt(trace: Trace, { role, name }: Instance, again: boolean): void {
  trace[role] = name;
  if (again) trace.retries = (trace.retries ?? 0) + 1;
}

function asking(deadlines: Deadlines, { head }: ClientRequest, { trace, stop }: Answer) {
  const forwarded = forwardedFields(head.fields);
  return (
    instance: Instance,
    fresh: boolean,
    limitMs: number,
    body?: readonly Piece[],
    answered?: () => void,
  ): Question => ({
    instance,
    request: engineRequest(instance, head.path, trace.id, forwarded, body),
    deadlines,
    limitMs,
    fresh,
    answered,
    stop,
  });
}
