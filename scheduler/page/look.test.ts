import { expect, test } from "vitest";
import { mean, rate } from "./counts.ts";
import { statesOf } from "./look.ts";

const instance = {
  healthy: true,
  stalled: false,
  broken: false,
  unproven: false,
  draining: false,
  idle: false,
};

test.each([
  [{}, false, ["ready"]],
  [{ healthy: false }, false, ["unhealthy"]],
  [{ stalled: true }, false, ["stalled"]],
  [{ healthy: false, stalled: true }, false, ["unhealthy"]],
  [{ broken: true, unproven: true }, false, ["broken"]],
  [{ unproven: true }, false, ["unproven"]],
  [{ stalled: true, unproven: true }, false, ["stalled"]],
  [{ draining: true }, false, ["draining"]],
  [{ draining: true, idle: true, healthy: false }, false, ["drained", "unhealthy"]],
  [{ draining: true, stalled: true }, true, ["leaving", "stalled"]],
] as const)("An instance that is %j, leaving %s, is %j.", (state, isLeaving, words) => {
  expect(statesOf({ ...instance, ...state }, isLeaving)).toEqual(words);
});

test("A rate is of the time that it was counted in, and none where a count begins anew or there is none before.", () => {
  expect(rate(30, 10, 4000)).toBe(5);
  expect([rate(30, undefined, 4000), rate(5, 10, 4000), rate(5, 1, 0)]).toEqual([0, 0, 0]);
});

test("A mean is of what was timed since, and nothing where nothing was.", () => {
  const before = { count: 4, ms: 400 };

  expect(mean({ count: 6, ms: 450 }, before)).toBe(25);
  expect([mean(before, before), mean(before, undefined)]).toEqual([undefined, undefined]);
});
