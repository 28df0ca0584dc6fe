import type { Handoff } from "../config/handoffs.ts";
import type { Edit } from "../json/edit.ts";
import {
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SLICE_BYTES,
  type Span,
  scanArray,
  scanIfObject,
} from "../json/spans.ts";
import { type Call, invalid, memberOf, readFlag, scalarOf, textOf } from "./call.ts";

/**
 * One prompt with one answer, or, where engines do not hand over by parameters, with `n` answers. It has a pair of legs
 * of its own: prefill's parameters name the KV cache of one sequence, which prefill frees when they have been
 * used once. A second sequence that came with them would read what is not its own, or not any more.
 */
export interface Sequence {
  /** What differs from the client's request on both legs, and on decode's alone. */
  readonly edits: readonly Edit[];
  readonly decodeEdits: readonly Edit[];
  /** The index that its first choice has among all. */
  readonly firstChoice: number;
  /** Whether its prompt is the same as that of the sequence before. */
  readonly samePrompt: boolean;
  /** Of a chat whose answer goes on: the ids of all tokens up to there, as they are written. */
  readonly history?: string | undefined;
}

/** How a call is answered. */
export type Asked =
  /** By decode alone: no prefill could be of use to it. */
  | "decode-alone"
  /** By a pair of legs for each. */
  | readonly Sequence[];

/** The first byte of `null`. */
const NULL = 0x6e;
/** One request is not to be as much work as all others together. */
const MAX_SEQUENCES = 128;
/** Below it vLLM takes the likeliest token, and refuses more than one sample. */
const MIN_TEMPERATURE = 1e-5;

const ONE_PROMPT: readonly (string | undefined)[] = [undefined];
/** A request that is one sequence as it stands. */
export const SOLE: Sequence = { edits: [], decodeEdits: [], firstChoice: 0, samePrompt: false };

/**
 * How requests and answers look: several prompts and choices, a chat and choices, a prompt and texts, a chat and one answer
 * in Anthropic's form or as a response of OpenAI's.
 */
export type Shape = "prompts" | "chat" | "texts" | "message" | "response";

/** What `call` asks for. Throws a Failure (400) for what neither is one sequence nor can be taken apart. */
export function askedBy(call: Call, shape: Shape, { splitsSamples }: Handoff): Asked {
  if (shape === "message") return [messageOf(call)];
  if (shape === "response") return responseOf(call);
  // A beam has many sequences, which part on the way. vLLM hands no parameters on to them.
  if (splitsSamples && readFlag(call, "use_beam_search")) return "decode-alone";
  const prompts = shape === "prompts" ? promptsOf(call) : ONE_PROMPT;
  const n = samplesOf(call);
  const isSplit = splitsSamples && n > 1;
  if (prompts.length === 1 && !isSplit) return [SOLE];
  if (shape === "texts") throw invalid("n", "must be 1: each answer needs KV cache of its own");
  if (prompts.length * n > MAX_SEQUENCES)
    throw invalid(prompts.length > 1 ? "prompt" : "n", `asks for more than ${MAX_SEQUENCES} answers at once`);
  if (isSplit && Number(scalarOf(call, "temperature") ?? 1) < MIN_TEMPERATURE)
    throw invalid("n", `must be 1 when using greedy sampling, got ${n}`);
  const seed = isSplit ? seedOf(call) : undefined;
  return prompts.flatMap((prompt, at) => {
    const edits = prompt === undefined ? [] : [{ key: "prompt", value: prompt }];
    if (!isSplit) return { edits, decodeEdits: edits, firstChoice: at * n, samePrompt: false };
    return Array.from({ length: n }, (_, sample) => ({
      edits,
      decodeEdits: [
        ...edits,
        { key: "n", value: "1" },
        ...(seed === undefined ? [] : [{ key: "seed", value: String(seedOfSample(seed, sample)) }]),
      ],
      firstChoice: at * n + sample,
      samePrompt: sample > 0,
    }));
  });
}

/** Anthropic's form: a choice of tools is an object. */
function messageOf(call: Call): Sequence {
  const choice = memberOf(call, "tool_choice");
  if (choice === undefined || call.body[choice.valueStart] !== OPEN_BRACE) return SOLE;
  return { ...SOLE, edits: [{ key: "tool_choice", value: '{"type":"none"}' }] };
}

/** What of a response is read or edited, beside what all requests have. */
export const RESPONSE_KEYS = [
  "max_output_tokens",
  "store",
  "background",
  "request_id",
  "previous_response_id",
  "truncation",
  "tools",
  "ignore_eos",
  "stop_token_ids",
];
/** It has no `min_tokens`: that an end token does not end it keeps its end the length's as well. */
const RESPONSE_OF_PREFILL: Sequence = {
  ...SOLE,
  edits: [
    { key: "max_output_tokens", value: "1" },
    { key: "store", value: "false" },
    { key: "background", value: undefined },
    { key: "request_id", value: undefined },
    { key: "ignore_eos", value: "true" },
    { key: "stop_token_ids", value: undefined },
  ],
};
/** Tools that the client calls. An engine that calls others itself goes on with a prompt that prefill has not seen. */
const CLIENTS_TOOLS = ['"function"', '"custom"', '"namespace"'];
/** Of more, and of larger ones, it is not asked whose they are. */
const MAX_TOOLS = 1000;

/**
 * OpenAI's responses. vLLM gives the parameters of the first turn to each that follows a tool's call, and would fetch what
 * prefill has given to others by then. A prompt to be truncated is so by how much is to be generated.
 */
function responseOf(call: Call): Asked {
  const isTruncated = !['"disabled"', undefined].includes(scalarOf(call, "truncation"));
  return isTruncated || hasEnginesTools(call) ? "decode-alone" : [RESPONSE_OF_PREFILL];
}

function hasEnginesTools(call: Call): boolean {
  const tools = memberOf(call, "tools");
  if (tools === undefined || call.body[tools.valueStart] !== OPEN_BRACKET) return false;
  if (tools.end - tools.valueStart > SLICE_BYTES) return true;
  const items = scanArray(call.body, tools.valueStart, MAX_TOOLS + 1);
  return (
    items.length > MAX_TOOLS || items.some((item) => !isClientsTool(call.body.subarray(item.start, item.end)))
  );
}

function isClientsTool(tool: Buffer): boolean {
  const types = scanIfObject(tool, ["type"])?.filter(({ key }) => key === "type") ?? [];
  return (
    types.length === 1 &&
    types.every(({ valueStart, end }) => CLIENTS_TOOLS.includes(tool.toString("latin1", valueStart, end)))
  );
}

/** Each prompt as it is written, in latin1; `undefined` for one that needs no change. */
function promptsOf(call: Call): readonly (string | undefined)[] {
  const member = memberOf(call, "prompt");
  const embeds = memberOf(call, "prompt_embeds");
  if (embeds !== undefined && call.body[embeds.valueStart] !== NULL) {
    const isAlone = member === undefined || ["null", '""'].includes(textOf(call, member));
    if (call.body[embeds.valueStart] !== QUOTE || !isAlone)
      throw invalid("prompt_embeds", "must be one prompt, and the only one: each is prefilled by itself");
  }
  if (member === undefined || call.body[member.valueStart] !== OPEN_BRACKET) return ONE_PROMPT;
  const items = scanArray(call.body, member.valueStart, MAX_SEQUENCES + 1, call.known);
  const isPrompt = ({ start }: Span) => call.body[start] === QUOTE || call.body[start] === OPEN_BRACKET;
  // One prompt as token ids, or what no engine takes.
  if (items.length < 2 || !items.some(isPrompt)) {
    for (const item of items) checkIsOne(call, item);
    return ONE_PROMPT;
  }
  if (items.length > MAX_SEQUENCES) throw invalid("prompt", `may be ${MAX_SEQUENCES} prompts at most`);
  return items.map((item) => {
    if (!isPrompt(item)) throw invalid("prompt", "must be a text, token ids, or a list of either");
    checkIsOne(call, item);
    return call.body.toString("latin1", item.start, item.end);
  });
}

/** Throws a Failure (400) for a prompt within a list that is itself a list of prompts. */
function checkIsOne({ body, known }: Call, { start }: Span): void {
  if (body[start] !== OPEN_BRACKET) return;
  const [first] = scanArray(body, start, 1, known);
  const byte = first && body[first.start];
  if (byte === QUOTE || byte === OPEN_BRACKET) throw invalid("prompt", "is nested too deep");
}

/** `n`, where an engine would take it for more than 1. What it would refuse is its to refuse. */
function samplesOf(call: Call): number {
  const text = scalarOf(call, "n");
  if (text === undefined || text === "1") return 1;
  if (text.startsWith('"')) throw invalid("n", "must be a whole number");
  const n = Number(text);
  return Number.isInteger(n) && n > 1 ? n : 1;
}

/** As vLLM seeds its own samples. Requests may have seeds of 64 bits with a sign; generators ignore it. */
function seedOfSample(seed: bigint, sample: number): bigint {
  return sample === 0 ? seed : BigInt.asIntN(64, seed + BigInt(sample));
}

function seedOf(call: Call): bigint | undefined {
  const text = scalarOf(call, "seed");
  // -1 is vLLM's word for none.
  if (text === undefined || text === "null" || text === "-1") return undefined;
  if (!/^-?[0-9]+$/.test(text)) throw invalid("seed", "must be a whole number");
  return BigInt(text);
}
