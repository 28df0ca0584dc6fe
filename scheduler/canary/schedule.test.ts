import { expect, test } from "vitest";
import { Account } from "../instances/account.ts";
import { PAIR } from "../instances/pairs.ts";
import { after, isDue, NEW } from "./schedule.ts";

const INTERVAL_MS = 8000;

test("A pair that serves has a canary by schedule, one that waits for it at once.", () => {
  const timing = after(NEW, true, 1000);
  const isDueAt = (state: (typeof PAIR)[keyof typeof PAIR], now: number) =>
    isDue(state, timing, now, INTERVAL_MS);

  expect([8999, 9000].map((now) => isDueAt(PAIR.serves, now))).toEqual([false, true]);
  for (const state of [PAIR.suspect, PAIR.asked, PAIR.untried]) expect(isDueAt(state, 1001)).toBe(true);
});

test("After vain canaries the next one comes later and later, up to 15 s, and at once again after a good one.", () => {
  let timing = NEW;
  const waits = Array.from({ length: 6 }, () => {
    timing = after(timing, false, 0);
    return timing.notBefore;
  });

  expect(waits).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(after(timing, true, 5)).toEqual({ last: 5, notBefore: 5, vain: 0 });
});

test("A failure bars a pair, but not one that has just passed the canary that a failure called for.", () => {
  const { pairs } = new Account(Account.allocate(1), { threads: 1, thread: 0 });
  const afterFailure = (state: (typeof PAIR)[keyof typeof PAIR]) => {
    pairs.set(3, state);
    pairs.suspect(3);
    return [pairs.at(3), pairs.bars(3)];
  };

  expect(afterFailure(PAIR.serves)).toEqual([PAIR.suspect, true]);
  expect(afterFailure(PAIR.trusted)).toEqual([PAIR.asked, false]);
  expect(afterFailure(PAIR.unguarded)).toEqual([PAIR.unguarded, false]);
  expect(afterFailure(PAIR.quarantined)).toEqual([PAIR.quarantined, true]);
  expect([pairs.bars(2), pairs.bars(100_000)]).toEqual([false, false]);
});
