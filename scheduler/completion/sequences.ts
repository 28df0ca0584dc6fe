import type { Handoff } from "../config/handoffs.ts";
import type { Edit } from "../json/edit.ts";
import { OPEN_BRACE, OPEN_BRACKET, QUOTE, type Span, scanArray } from "../json/spans.ts";
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

/** How requests and answers look: several prompts and choices, a chat and choices, a prompt and texts, a chat and one answer. */
export type Shape = "prompts" | "chat" | "texts" | "message";

/** What `call` asks for. Throws a Failure (400) for what neither is one sequence nor can be taken apart. */
export function askedBy(call: Call, shape: Shape, { splitsSamples }: Handoff): Asked {
  if (shape === "message") return [messageOf(call)];
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
  const items = scanArray(call.body, member.valueStart, MAX_SEQUENCES + 1);
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
function checkIsOne({ body }: Call, { start }: Span): void {
  if (body[start] !== OPEN_BRACKET) return;
  const [first] = scanArray(body, start, 1);
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
