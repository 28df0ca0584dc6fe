import type { Tokens, Trace } from "../log.ts";

/** What an engine says of tokens in a `usage`; what it does not say is absent. */
export interface Told {
  readonly prompt?: number;
  readonly cached?: number;
  readonly generated?: number;
}

/** A quote within a string is escaped, so this stands in no text: nothing else is looked for, and only numbers are read. */
export const USAGE = '"usage":';
/** No `usage` is longer. */
export const MAX_USAGE = 1024;
const BEGIN = /^"usage":\s?\{/;
const NUMBER = '":\\s?([0-9]{1,12})';
/** As OpenAI's chat and completions, its responses, and Anthropic's messages have it. */
const COUNTS: readonly (readonly [keyof Told, RegExp])[] = [
  ["prompt", new RegExp(`"(?:prompt|input)_tokens${NUMBER}`)],
  ["cached", new RegExp(`"(?:cached_tokens|cache_read_input_tokens)${NUMBER}`)],
  ["generated", new RegExp(`"(?:completion|output)_tokens${NUMBER}`)],
];

/** The last `usage` in an answer, in latin1. */
export function usageOf(answer: Buffer): Told | undefined {
  const at = answer.lastIndexOf(USAGE);
  return at === -1 ? undefined : readUsage(answer.toString("latin1", at, at + MAX_USAGE));
}

/** `text` begins with its key. */
export function readUsage(text: string): Told | undefined {
  if (!BEGIN.test(text)) return undefined;
  const told: { -readonly [key in keyof Told]: number } = {};
  for (const [of, pattern] of COUNTS) {
    const count = pattern.exec(text)?.[1];
    if (count !== undefined) told[of] = Number(count);
  }
  return told;
}

/** Prefill knows the prompt, and what of it was in its cache. */
export function prefillTold(trace: Trace, told: Told | undefined): void {
  if (told?.prompt === undefined) return;
  const { prompt, cached } = told;
  trace.tokens = { ...trace.tokens, prompt, ...(cached !== undefined && { cached }) };
}

/** Decode knows what it has made. That it had the prompt cached tells of no prefill that was spared, unless it had none. */
export function decodeTold(trace: Trace, told: Told | undefined): void {
  if (told === undefined) return;
  const { prompt, cached, generated } = told;
  const tokens: Tokens = { ...trace.tokens };
  if (prompt !== undefined) tokens.prompt = prompt;
  if (cached !== undefined && trace.prefill === undefined) tokens.cached = cached;
  if (generated !== undefined) Object.assign(tokens, { generated, by: "usage" });
  trace.tokens = tokens;
}

/** Of APIs whose events are tokens, or a few of them: how many of a stream's events have none for sure. */
const TOKENLESS: Readonly<Record<string, number>> = {
  "/v1/completions": 0,
  "/v1/chat/completions": 1,
  "/generate": 0,
};

/** Counts from `events` what no engine has told. */
export function countFrom(trace: Trace, events = trace.events): void {
  const tokenless = TOKENLESS[trace.path];
  if (tokenless === undefined || events === 0 || trace.tokens?.generated !== undefined) return;
  trace.tokens = { ...trace.tokens, generated: Math.max(0, events - tokenless), by: "events" };
}

/** Adds those of a part. `withPrompt`: its prompt is another one than those before. */
export function addTokens(whole: Trace, one: Trace, withPrompt: boolean): void {
  countFrom(one);
  const { tokens } = one;
  if (tokens === undefined) return;
  const all: Tokens = { ...whole.tokens };
  for (const of of withPrompt ? (["prompt", "cached"] as const) : [])
    if (tokens[of] !== undefined) all[of] = (all[of] ?? 0) + tokens[of];
  if (tokens.generated !== undefined) {
    all.by = all.by === "events" || tokens.by === "events" ? "events" : "usage";
    all.generated = (all.generated ?? 0) + tokens.generated;
  }
  whole.tokens = all;
}
