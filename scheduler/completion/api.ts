import type { Instance } from "../instances/instances.ts";
import { type Call, checkModel, invalid, memberOf, readStream, readTruthyStream, textOf } from "./call.ts";
import { relayRecords } from "./records.ts";
import { relayEvents } from "./relay.ts";
import type { Shape } from "./sequences.ts";
import { MESSAGE_STOP } from "./sse.ts";

/** An API that engines and clients speak, as far as the scheduler has to know. */
export interface Api {
  /** Whether the call asks for a stream. Throws a Failure (400, 404) for what the API does not have. */
  isStream(call: Call): boolean;
  /** What requests on `path` look like. */
  shape(path: string): Shape;
  readonly relayStream: typeof relayEvents;
  /** What is read or edited of a request, beside what all have. */
  readonly keys?: readonly string[];
  /** An id for what an instance is to answer. */
  newId?(instance: Instance): string;
  /** Whether the answer is made while nobody waits for it. Throws a Failure (400). */
  isBackground?(call: Call): boolean;
  /** Which decode instance has what the call goes on from, if it does. Throws a Failure (400, 404). */
  boundTo?(call: Call, instances: readonly Instance[]): Instance | undefined;
}

/** `USE_OPENAI=1` */
export function openAiApi(servedModels: readonly string[]): Api {
  return {
    isStream(call) {
      checkModel(call, servedModels);
      return readStream(call);
    },
    shape: (path) => (path === "/v1/completions" ? "prompts" : "chat"),
    relayStream: relayEvents,
  };
}

/** Anthropic's API as vLLM has it, beside the other. */
export function messagesApi(servedModels: readonly string[]): Api {
  return {
    isStream(call) {
      checkModel(call, servedModels);
      // Prefill is asked for one token in any case, and could not refuse it.
      const limit = memberOf(call, "max_tokens");
      if (limit === undefined || textOf(call, limit) === "null") throw invalid("max_tokens", "is required");
      return readStream(call);
    },
    shape: () => "message",
    relayStream: (question, reply, gapMs) => relayEvents(question, reply, gapMs, MESSAGE_STOP),
  };
}

/** `USE_OPENAI=0`: vLLM's own API, as its version 0.6.3 has it. It knows one model, so requests name none. */
export const generateApi: Api = {
  isStream: readTruthyStream,
  shape: () => "texts",
  relayStream: relayRecords,
};
