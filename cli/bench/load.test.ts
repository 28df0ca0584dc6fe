import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST_AT_ONCE, poisson, underLoad } from "./load.ts";

const never = new AbortController().signal;
const refuse = () => {
  throw new Error("too many at once");
};

test("A closed loop has as many on their way as it was asked for, and begins each once.", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 60 }),
      async (concurrency, requests) => {
        const begun: number[] = [];
        let now = 0;
        let most = 0;
        const one = async (index: number) => {
          begun.push(index);
          most = Math.max(most, ++now);
          await new Promise(setImmediate);
          now--;
        };

        await underLoad({ concurrency }, { requests }, 1, never, one, refuse);

        expect(begun.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: requests }, (_, index) => index),
        );
        expect(most).toBe(Math.min(concurrency, requests));
      },
    ),
    { numRuns: 100 },
  );
});

test("An open loop begins its requests whether or not those before are over, and waits for all.", async () => {
  let now = 0;
  let over = 0;
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const one = async () => {
    if (++now === 20) release();
    await released;
    over++;
  };

  await underLoad({ rate: 2000 }, { requests: 20 }, 1, never, one, refuse);

  expect([now, over]).toEqual([20, 20]);
});

test("What a server leaves unanswered does not fill the client: beyond a limit nothing is sent.", async () => {
  let refused = 0;
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });

  await underLoad(
    { rate: 1e9 },
    { requests: MOST_AT_ONCE + 5 },
    1,
    never,
    async () => released,
    () => {
      if (++refused === 5) release();
    },
  );

  expect(refused).toBe(5);
});

test("Both kinds end early, and begin nothing after that.", async () => {
  for (const load of [{ concurrency: 3 }, { rate: 5000 }]) {
    const ending = new AbortController();
    let begun = 0;
    await underLoad(
      load,
      { requests: 1_000_000 },
      1,
      ending.signal,
      async () => {
        if (++begun === 30) ending.abort();
        await sleep(1);
      },
      refuse,
    );

    expect(begun).toBeLessThanOrEqual(33);
  }
});

test("Arrivals are those of a Poisson process: the same for a seed, apart by their rate, deviating as much.", () => {
  const gaps = (seed: number, count: number) => {
    const next = poisson(50, seed);
    let last = 0;
    return Array.from({ length: count }, () => {
      const at = next();
      const gap = at - last;
      last = at;
      return gap;
    });
  };
  const some = gaps(3, 50_000);
  const mean = some.reduce((sum, gap) => sum + gap, 0) / some.length;
  const deviation = Math.sqrt(some.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / some.length);

  expect(gaps(3, 100)).toEqual(gaps(3, 100));
  expect(gaps(4, 100)).not.toEqual(gaps(3, 100));
  expect(Math.abs(mean - 20)).toBeLessThan(0.5);
  expect(Math.abs(deviation - 20)).toBeLessThan(0.5);
});
