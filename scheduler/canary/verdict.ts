import type { Failure } from "../errors.ts";

/** What came of asking for the canary's tokens. */
export type Answered =
  | { readonly text: string }
  /** The engines were asked as they should be, and no tokens came: on which leg. */
  | { readonly text?: undefined; readonly failure: Failure; readonly leg: "prefill" | "decode" };

export type Verdict =
  | { readonly outcome: "passed" }
  | { readonly outcome: "failed"; readonly why: string }
  /** It says nothing of the pair; `never`: nor will another one. */
  | { readonly outcome: "unknown"; readonly why: string; readonly never: boolean };

/**
 * What a decode instance answers alone, in full: the beginning on which all its answers so far agree. One that computes
 * exactly gives the same each time.
 */
export type Expected = string;

/** Fewer characters than this are no evidence: only that tokens come is looked at then. */
const LEAST = 4;

export function narrowed(expected: Expected | undefined, text: string): Expected {
  if (expected === undefined) return text;
  let same = 0;
  while (same < expected.length && expected[same] === text[same]) same++;
  return expected.slice(0, same);
}

export function isEvidence(expected: Expected): boolean {
  return expected.trim().length >= LEAST;
}

/** What a canary says that was handed over; `undefined`: it looks bad, and has to be sung once more. */
export function verdictOf(answered: Answered, expected: Expected): Verdict | undefined {
  if (answered.text !== undefined)
    return isRight(answered.text, expected) ? { outcome: "passed" } : undefined;
  const { failure, leg } = answered;
  if (leg === "decode" && isOfTransfer(failure)) return undefined;
  const never = isRefusal(failure) || failure.code === "missing_kv_params";
  return { outcome: "unknown", why: failure.detail ?? failure.message, never };
}

/**
 * The same of the second one, when decode has shown meanwhile that alone it computes, and what. Only now the pair is to
 * blame.
 */
export function secondVerdictOf(answered: Answered, expected: Expected): Verdict {
  const verdict = verdictOf(answered, expected);
  if (verdict !== undefined) return verdict;
  if (answered.text !== undefined)
    return { outcome: "failed", why: "with KV cache from there decode gives other tokens than alone" };
  const { failure } = answered;
  return {
    outcome: "failed",
    why: `decode computes alone, and not from there: ${failure.detail ?? failure.code}`,
  };
}

/** Whether the engine works, and would not be asked a canary at any other time either. */
export function isRefusal({ code, status }: Failure): boolean {
  return code === "refused_by_engine" && status < 500 && status !== 429;
}

function isRight(text: string, expected: Expected): boolean {
  return isEvidence(expected) ? text.startsWith(expected) : text !== "";
}

function isOfTransfer({ code }: Failure): boolean {
  return code === "decode_failed" || code === "decode_timeout";
}
