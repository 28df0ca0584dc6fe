import { hash, randomBytes } from "node:crypto";
import type { Reply } from "../client/reply.ts";
import type { ClientRequest, Handler } from "../client/service.ts";
import { forwardedFields } from "../engine/request.ts";
import { Failure } from "../errors.ts";
import type { Instance } from "../instances/instances.ts";
import { QUOTE } from "../json/spans.ts";
import type { Api } from "./api.ts";
import {
  type Call,
  checkModel,
  invalid,
  MAX_NAME_BYTES,
  memberOf,
  readFlag,
  readStream,
  textOf,
} from "./call.ts";
import { type Engines, requestTo } from "./completion.ts";
import { relayEvents, relayPlain } from "./relay.ts";
import { RESPONSE_KEYS } from "./sequences.ts";
import { RESPONSE_OVER } from "./sse.ts";

/*
 * OpenAI's responses. What one instance stores no other has: its id says where it is, to every scheduler before the same
 * instances, now or after a restart.
 */

/** Looks as vLLM's own ids do. The first eight digits are of the instance, the others are not to be guessed. */
const ID = /^resp_([0-9a-f]{8})[0-9a-f]{24}$/;
const MAX_SHOWN = 200;

export function newResponseId(instance: Instance): string {
  return `resp_${digitsOf(instance)}${randomBytes(12).toString("hex")}`;
}

/** Of its address, which they do not tell. */
function digitsOf({ pool }: Instance): string {
  return hash("sha256", pool.authority).slice(0, 8);
}

/** The one that has given a response this id. Throws a Failure (404), in vLLM's words, where there is none. */
function instanceOf(id: string, instances: readonly Instance[]): Instance {
  const [, digits] = ID.exec(id) ?? [];
  const found = digits && instances.find((instance) => digitsOf(instance) === digits);
  if (!found) {
    const message = `Response with id '${id.slice(0, MAX_SHOWN)}' not found.`;
    throw new Failure("response_not_found", { message, param: "response_id" });
  }
  return found;
}

export function responsesApi(servedModels: readonly string[]): Api {
  return {
    keys: RESPONSE_KEYS,
    isStream(call) {
      checkModel(call, servedModels);
      return readStream(call);
    },
    shape: () => "response",
    relayStream: (question, reply, gapMs) => relayEvents(question, reply, gapMs, RESPONSE_OVER),
    newId: newResponseId,
    isBackground: (call) => readFlag(call, "background"),
    boundTo: (call, instances) => boundTo(call, instances),
  };
}

/** The instance that has what the conversation so far is, if there is one. Throws a Failure (400, 404). */
function boundTo(call: Call, instances: readonly Instance[]): Instance | undefined {
  const previous = memberOf(call, "previous_response_id");
  if (previous === undefined || textOf(call, previous) === "null") return undefined;
  if (call.body[previous.valueStart] !== QUOTE || previous.end - previous.valueStart > MAX_NAME_BYTES)
    throw invalid("previous_response_id", "is not the id of a response");
  return instanceOf(String(JSON.parse(textOf(call, previous))), instances);
}

/** GET /v1/responses/{id} and POST /v1/responses/{id}/cancel: asked of the instance that has it, also while it drains. */
export function stored({ config, deadlines, decode }: Engines): Handler {
  const { answerMs, firstTokenMs, tokenGapMs } = config.timeouts;
  return async ({ head }, reply) => {
    const { method, path, fields } = head;
    const id = path.split("/")[3] ?? "";
    const instance = instanceOf(id, decode.instances);
    const resumed = method === "GET" ? readQuery(head) : undefined;
    if (!instance.healthy || instance.stalled) throw new Failure("no_decode");
    reply.trace.attempt(instance, false);
    const errand = { path: path + queryOf(resumed), forwarded: forwardedFields(fields) };
    const question = {
      instance,
      request: requestTo(instance, errand, reply, method === "GET" ? undefined : []),
      deadlines,
      limitMs: resumed?.isStream ? firstTokenMs : answerMs,
      // It is asked only once.
      fresh: true,
      stop: reply.stop,
    };
    instance.begin(0);
    try {
      if (resumed?.isStream) await resume(question, reply, resumed.after);
      else await relayPlain(question, reply, tokenGapMs);
      instance.serve();
    } finally {
      instance.end(0);
    }
  };

  function resume(question: Parameters<typeof relayEvents>[0], reply: Reply, after: number): Promise<void> {
    reply.eventsBefore = after + 1;
    return relayEvents(question, reply, tokenGapMs, RESPONSE_OVER);
  }
}

interface Resumed {
  readonly isStream: boolean;
  /** The number of the last event that the client has; -1 for none. */
  readonly after: number;
}

/** What vLLM looks at of a query. Throws a Failure (400). */
function readQuery({ query }: ClientRequest["head"]): Resumed {
  const asked = new URLSearchParams(query);
  const stream = asked.get("stream") ?? "false";
  const after = asked.get("starting_after") ?? "-1";
  if (!/^(?:true|false|1|0)$/i.test(stream)) throw invalid("stream", "must be true or false");
  if (!/^-?[0-9]{1,9}$/.test(after)) throw invalid("starting_after", "must be a whole number");
  return { isStream: /^(?:true|1)$/i.test(stream), after: Number(after) };
}

function queryOf(resumed: Resumed | undefined): string {
  if (!resumed?.isStream) return "";
  return resumed.after < 0 ? "?stream=true" : `?stream=true&starting_after=${resumed.after}`;
}
