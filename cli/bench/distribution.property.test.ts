import fc from "fast-check";
import { expect, test } from "vitest";
import { Distribution } from "./distribution.ts";

const of = (values: readonly number[]): Distribution => {
  const distribution = new Distribution();
  for (const value of values) distribution.add(value);
  return distribution;
};

/** As numpy has it. */
function exact(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = ((sorted.length - 1) * percent) / 100;
  const [lower = 0, upper = lower] = sorted.slice(Math.floor(position), Math.floor(position) + 2);
  return lower + (upper - lower) * (position - Math.floor(position));
}

/** Milliseconds, from a microsecond to a day; many are equal, as of a clock. */
const times = fc.array(
  fc.oneof(fc.double({ min: 0.001, max: 86_400_000, noNaN: true }), fc.integer({ min: 1, max: 20 })),
  { minLength: 1, maxLength: 300 },
);
const percents = fc.array(
  fc.integer({ min: 0, max: 1000 }).map((one) => one / 10),
  { maxLength: 8 },
);

test("Percentiles are those of the sorted values within 0.1 %, whatever the values and how many.", () => {
  fc.assert(
    fc.property(times, percents, (values, some) => {
      const asked = some.toSorted((a, b) => a - b);
      const told = of(values).percentiles(asked);

      asked.forEach((percent, index) => {
        const right = exact(values, percent);
        expect(Math.abs((told[index] ?? Number.NaN) - right)).toBeLessThanOrEqual(right * 0.001 + 1e-9);
      });
    }),
  );
});

test("Mean, deviation and maximum are exact, and no percentile is below another or beyond the extremes.", () => {
  fc.assert(
    fc.property(times, (values) => {
      const told = of(values);
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
      const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length;
      const all = told.percentiles([0, 25, 50, 75, 90, 99, 99.9, 100]);

      expect(told.count).toBe(values.length);
      expect(told.mean).toBeCloseTo(mean, 3);
      expect(Math.abs(told.deviation - Math.sqrt(variance))).toBeLessThanOrEqual(mean * 1e-6);
      expect(told.max).toBe(Math.max(...values));
      expect(all).toEqual(all.toSorted((a, b) => a - b));
      expect(Math.min(...all)).toBeGreaterThanOrEqual(Math.min(...values));
      expect(Math.max(...all)).toBeLessThanOrEqual(Math.max(...values));
    }),
  );
});

test("Of no value everything is 0, and of zeros too.", () => {
  for (const told of [of([]), of([0, 0, 0])]) {
    expect([told.mean, told.deviation, told.max, ...told.percentiles([50, 99])]).toEqual([0, 0, 0, 0, 0]);
  }
});

test("A million values take no more memory than the buckets that they fall into.", () => {
  const told = new Distribution();
  for (let index = 1; index <= 1_000_000; index++) told.add(index / 10);

  const [median = 0, p99 = 0] = told.percentiles([50, 99]);

  expect(Math.abs(median - 50_000.05) / 50_000.05).toBeLessThan(0.001);
  expect(Math.abs(p99 - 99_000.01) / 99_000.01).toBeLessThan(0.001);
});
