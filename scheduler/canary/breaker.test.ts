import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Breaker,
  CLOSED,
  counted,
  isHalfOpen,
  LEAST_BAD,
  MAX_OPEN_MS,
  tried,
  WINDOW_MS,
} from "./breaker.ts";

const ends = (most: number) =>
  fc.record({ good: fc.nat(most), bad: fc.nat(most), ms: fc.integer({ min: 1, max: 3000 }) });

test("It opens exactly when in its window at least five ends were bad, and as many as were good.", () => {
  fc.assert(
    fc.property(fc.array(ends(4), { maxLength: 40 }), (all) => {
      let breaker: Breaker = CLOSED;
      let now = 0;
      const seen: { at: number; good: number; bad: number }[] = [];
      for (const { good, bad, ms } of all) {
        now += ms;
        seen.push({ at: now, good, bad });

        breaker = counted(breaker, { good, bad }, now);

        const recent = seen.filter(({ at }) => at > now - WINDOW_MS);
        const sum = (of: "good" | "bad") => recent.reduce((total, one) => total + one[of], 0);
        const isBad = sum("bad") >= LEAST_BAD && sum("bad") >= sum("good");
        expect(breaker.kind).toBe(isBad ? "open" : "closed");
        if (isBad) return;
      }
    }),
  );
});

test("What is neither good nor bad changes nothing, however much of it there is.", () => {
  fc.assert(
    fc.property(fc.array(ends(4)), fc.array(fc.nat(100)), (all, nothings) => {
      const play = (withNothing: boolean) => {
        let breaker: Breaker = CLOSED;
        let now = 0;
        for (const [at, { good, bad, ms }] of all.entries()) {
          for (let times = withNothing ? (nothings[at] ?? 0) : 0; times > 0; times--)
            breaker = counted(breaker, { good: 0, bad: 0 }, now);
          now += ms;
          breaker = counted(breaker, { good, bad }, now);
        }
        return breaker.kind === "open"
          ? breaker
          : { ...breaker, seconds: breaker.seconds.filter(({ at }) => at > now - WINDOW_MS) };
      };

      expect(play(true)).toEqual(play(false));
    }),
  );
});

test("Open, it lets nothing but a canary through, later each time up to 30 s, and one that comes back closes it.", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 }), fc.array(ends(9)), (vain, meanwhile) => {
      let now = 5;
      let breaker = counted(CLOSED, { good: 0, bad: LEAST_BAD }, now);
      let wait = 0;
      for (let times = 0; times < vain; times++) {
        if (breaker.kind !== "open") throw new Error("it is closed");
        for (const one of meanwhile) expect(counted(breaker, one, now)).toBe(breaker);
        expect(isHalfOpen(breaker, breaker.until - 1)).toBe(false);
        expect(isHalfOpen(breaker, breaker.until)).toBe(true);
        expect(breaker.until - now).toBeGreaterThanOrEqual(wait);
        expect(breaker.until - now).toBeLessThanOrEqual(MAX_OPEN_MS);
        wait = breaker.until - now;
        now = breaker.until;
        breaker = tried(breaker, false, now);
      }

      const closed = tried(breaker, true, now);

      expect(closed.kind).toBe("closed");
      expect(counted(closed, { good: 0, bad: LEAST_BAD - 1 }, now + 1).kind).toBe("closed");
    }),
  );
});

test("One that fails again soon after a good canary stays open for longer; after a quiet minute it begins anew.", () => {
  const fail = (breaker: Breaker, now: number) => counted(breaker, { good: 0, bad: LEAST_BAD }, now);
  const first = fail(CLOSED, 0);
  const closed = tried(first, true, 1000);
  const waitOf = (breaker: Breaker, now: number) => breaker.kind === "open" && breaker.until - now;
  const waits = [waitOf(first, 0), waitOf(fail(closed, 1000), 1000), waitOf(fail(closed, 62_000), 62_000)];

  expect(waits).toEqual([1000, 2000, 1000]);
});
