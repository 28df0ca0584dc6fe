import type { Reply } from "../client/reply.ts";
import type { ClientRequest, Handler } from "../client/service.ts";
import { KV_PARAMS } from "../config/handoffs.ts";
import { askWhole } from "../engine/ask.ts";
import type { Question } from "../engine/exchange.ts";
import { forwardedFields } from "../engine/request.ts";
import { Failure } from "../errors.ts";
import { leastInFlight, Picker } from "../instances/policy.ts";
import { OPEN_BRACKET, scanArray, scanIfObject } from "../json/spans.ts";
import { checkModel, foreignParams, MAX_NAME_BYTES, memberOf, noSuchModel, readCall } from "./call.ts";
import { type Engines, requestTo } from "./completion.ts";
import { relayPlain } from "./relay.ts";

const MODELS = "/v1/models";
const MAX_LIST_BYTES = 1024 * 1024;

/** What one instance answers alone, without a token being generated: the client's bytes to it, its answer back. */
export function forwarded(engines: Engines): Handler {
  const { servedModels, timeouts } = engines.config;
  const askOne = oneInstance(engines);
  return async ({ head, body }, reply) => {
    const { room } = body;
    const bytes = head.method === "POST" ? body.take() : undefined;
    if (bytes !== undefined) {
      reply.hold.move(room);
      const call = await readCall(bytes, []);
      if (memberOf(call, KV_PARAMS) !== undefined) throw foreignParams(KV_PARAMS);
      checkModel(call, servedModels);
    }
    return askOne(head, reply, bytes, (question) => relayPlain(question, reply, timeouts.tokenGapMs));
  };
}

/** GET /v1/models/{model}, which vLLM does not have: that one of the models which an engine tells of. */
export function model(engines: Engines, prefix: string): Handler {
  const askOne = oneInstance(engines);
  return async ({ head }, reply) => {
    const name = decoded(head.path.slice(prefix.length));
    const card = await askOne({ ...head, path: MODELS }, reply, undefined, async (question) => {
      const list = await askWhole({ ...question, hold: reply.hold }, MAX_LIST_BYTES);
      return cardOf(list, name, question);
    });
    if (card === undefined) throw noSuchModel(name);
    reply.send(200, [card]);
  };
}

/** A name as it stands in a path: a slash in it may be written as it is, or escaped. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** As the engine wrote it. Throws a Failure (502) when `list` is no list of models. */
function cardOf(list: Buffer, name: string, { instance }: Question): Buffer | undefined {
  const data = scanIfObject(list, ["data"])?.find(({ key }) => key === "data");
  if (data === undefined || list[data.valueStart] !== OPEN_BRACKET)
    throw new Failure(`${instance.role}_failed`, { detail: "its answer is no list of models" });
  for (const { start, end } of scanArray(list, data.valueStart, Number.POSITIVE_INFINITY)) {
    const card = list.subarray(start, end);
    const id = scanIfObject(card, ["id"])?.find(({ key }) => key === "id");
    if (id === undefined || id.end - id.valueStart > MAX_NAME_BYTES) continue;
    if (JSON.parse(card.toString("utf8", id.valueStart, id.end)) === name) return card;
  }
  return undefined;
}

type AskOne = <T>(
  head: ClientRequest["head"],
  reply: Reply,
  body: Buffer | undefined,
  work: (question: Question) => Promise<T>,
) => Promise<T>;

/**
 * Asks a prefill instance, where it holds up no stream of tokens; a decode instance when there is none. The turns are not
 * those of completions: two kinds of requests that alternate would send each to one instance only.
 */
function oneInstance({ config, deadlines, prefill, decode }: Engines): AskOne {
  const sides = [prefill, decode].map((of) => ({
    of,
    picker: new Picker(of.role, leastInFlight, new Int32Array(1)),
  }));
  return (head, reply, body, work) => {
    const side = sides.find(({ of }) => of.anyReady);
    if (side === undefined) throw new Failure("no_prefill");
    const { of, picker } = side;
    picker.instances = of.instances;
    const errand = { path: head.path, forwarded: forwardedFields(head.fields) };
    return picker.run(0, (instance, fresh) => {
      reply.trace.attempt(instance, fresh);
      return work({
        instance,
        request: requestTo(instance, errand, reply, body && [body]),
        deadlines,
        limitMs: config.timeouts.answerMs,
        fresh,
        stop: reply.stop,
      });
    });
  };
}
