import { PAIR, type PairState } from "../instances/pairs.ts";

/** After a canary that gave no verdict, or a bad one, the next comes so much later, twice as late each time. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;
/** An instance sings on schedule no more often than this, however many pairs it is in. */
export const SPACING_MS = 1000;

/** When a pair has its canaries. Times are those of a clock that nobody sets. */
export interface Timing {
  readonly last: number;
  readonly notBefore: number;
  /** Canaries since the last good one. */
  readonly vain: number;
}

export const NEW: Timing = { last: Number.NEGATIVE_INFINITY, notBefore: Number.NEGATIVE_INFINITY, vain: 0 };

/** Whether the pair waits for a canary, and does not only have one from time to time. */
export function isUrgent(state: PairState): boolean {
  const { untried, quarantined, suspect, asked } = PAIR;
  return state === untried || state === quarantined || state === suspect || state === asked;
}

export function isDue(
  state: PairState,
  { last, notBefore }: Timing,
  now: number,
  intervalMs: number,
): boolean {
  return now >= notBefore && (isUrgent(state) || now >= last + intervalMs);
}

export function after(timing: Timing, passed: boolean, now: number): Timing {
  if (passed) return { last: now, notBefore: now, vain: 0 };
  const wait = Math.min(RETRY_MS * 2 ** timing.vain, MAX_RETRY_MS);
  return { last: now, notBefore: now + wait, vain: timing.vain + 1 };
}
