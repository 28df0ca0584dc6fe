/*
 * A circuit breaker for one instance: what it is to do after so many good and bad ends of requests. What is nobody's fault (a
 * refusal, a busy engine, a client that left) is neither, and never gets here.
 */

/** What requests of an instance came to in some time. */
export interface Ends {
  readonly good: number;
  readonly bad: number;
}

interface Second extends Ends {
  readonly at: number;
}

export type Breaker =
  /** It gets requests. `opened`: how often it was opened lately, `since` when it was closed. */
  | {
      readonly kind: "closed";
      readonly seconds: readonly Second[];
      readonly opened: number;
      readonly since: number;
    }
  /** It gets none before `until`, and then a canary. */
  | { readonly kind: "open"; readonly until: number; readonly opened: number };

/** Seconds that count. */
export const WINDOW_MS = 10_000;
/** Fewer bad ends are no pattern. */
export const LEAST_BAD = 5;
const OPEN_MS = 1000;
export const MAX_OPEN_MS = 30_000;
/** So long without being opened, and the next time is as the first. */
const FORGIVEN_MS = 60_000;

export const CLOSED: Breaker = { kind: "closed", seconds: [], opened: 0, since: Number.NEGATIVE_INFINITY };

/** Requests have ended. It opens when in its window as many ends were bad as good, and at least LEAST_BAD. */
export function counted(breaker: Breaker, { good, bad }: Ends, now: number): Breaker {
  if (breaker.kind === "open") return breaker;
  const kept = breaker.seconds.filter(({ at }) => at > now - WINDOW_MS);
  const seconds = good + bad === 0 ? kept : [...kept, { at: now, good, bad }];
  const sum = (of: keyof Ends) => seconds.reduce((total, one) => total + one[of], 0);
  if (sum("bad") < LEAST_BAD || sum("bad") < sum("good")) return { ...breaker, seconds };
  return opened(now - breaker.since > FORGIVEN_MS ? 0 : breaker.opened, now);
}

/** Whether it is half-open: a canary decides. */
export function isHalfOpen(breaker: Breaker, now: number): boolean {
  return breaker.kind === "open" && now >= breaker.until;
}

/** A canary has come back, or not. */
export function tried(breaker: Breaker, works: boolean, now: number): Breaker {
  if (breaker.kind === "closed") return breaker;
  return works
    ? { kind: "closed", seconds: [], opened: breaker.opened, since: now }
    : opened(breaker.opened, now);
}

function opened(before: number, now: number): Breaker {
  const wait = Math.min(OPEN_MS * 2 ** before, MAX_OPEN_MS);
  return { kind: "open", until: now + wait, opened: before + 1 };
}
