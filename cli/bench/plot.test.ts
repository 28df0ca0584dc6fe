import fc from "fast-check";
import { expect, test } from "vitest";
import { niceTop, plot } from "./plot.ts";
import { Tally } from "./tally.ts";

function timesOf(ttfts: readonly number[]): Tally["times"] {
  const tally = new Tally(undefined);
  for (const ttft of ttfts) {
    tally.add({ kind: "answered", ttft, e2el: 3 * ttft, inputTokens: 1, outputTokens: 3 });
  }
  return tally.times;
}

test("A picture has a line a run and metric, and a dashed one for each limit, all within it.", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { maxLength: 20 }), {
        minLength: 1,
        maxLength: 10,
      }),
      (all) => {
        const runs = all.map((ttfts, index) => ({ load: { concurrency: index + 1 }, times: timesOf(ttfts) }));
        const picture = plot("<model> at http://a", runs, { ttft: 2000, tpot: 50 });

        expect(picture.match(/class="run" stroke="#\w+" d="M[\d. L]+"/g)).toHaveLength(3 * all.length);
        expect(picture.match(/class="limit"/g)).toHaveLength(2);
        expect(picture).toContain("&#60;model&#62;");
        expect(picture).not.toMatch(/NaN|Infinity|undefined|[MLhV ]-\d/);
      },
    ),
    { numRuns: 200 },
  );
});

test("The top of an axis is the next 1, 2 or 5 with zeros.", () => {
  expect([0, 0.3, 1, 1.1, 4.2, 51, 1000].map(niceTop)).toEqual([1, 0.5, 1, 2, 5, 100, 1000]);
});
