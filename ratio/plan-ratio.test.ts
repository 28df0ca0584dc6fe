import { describe, expect, test } from "vitest";
import { planRatio } from "./plan-ratio.ts";
import { planOf, ratioInput } from "./testing/sample.ts";

const problemsOf = (changes: Readonly<Record<string, unknown>>) => {
  const result = planRatio(ratioInput(changes));
  return "problems" in result
    ? result.problems.map(({ code, path, message }) => `${code} ${path} ${message}`)
    : [];
};

describe("Published figures come out", () => {
  test("ModelArts, Qwen2-72B with 256 tokens in and out: 18.23 and 4.88 requests/s, 3.74 decode a prefill.", () => {
    const { rates, decodePerPrefill } = planOf(ratioInput());

    expect(rates.prefill).toBeCloseTo(18.23, 2);
    expect(rates.decode).toBeCloseTo(4.88, 2);
    expect(decodePerPrefill).toBeCloseTo(3.74, 2);
  });

  test("msmodeling's RFC: 10 requests/s a prefill and 15 a decode are 1.5 prefill instances a decode instance.", () => {
    const { decodePerPrefill } = planOf(
      ratioInput({
        "prefill.points": [{ input: 256, batch: 10, ttftMs: 1000 }],
        "decode.points": [{ input: 256, output: 256, batch: 153, tpotMs: 40 }],
      }),
    );

    expect(1 / decodePerPrefill).toBeCloseTo(1.5, 10);
  });

  test("DeepSeek: 608 and 168 billion tokens a day at 73,700 and 14,800 tokens/s are 95.5 and 131.4 nodes.", () => {
    const requestRate = 608e9 / 86_400 / 1000;
    const { rates } = planOf(
      ratioInput({
        requestRate,
        input: { mean: 1000 },
        output: { mean: 1000 * (168 / 608) },
        "prefill.points": [{ input: 1000, tokensPerSecond: 73_700 }],
        "decode.points": [{ input: 1000, output: 276, tokensPerSecond: 14_800 }],
      }),
    );

    expect(requestRate / rates.prefill).toBeCloseTo(95.5, 1);
    expect(requestRate / rates.decode).toBeCloseTo(131.4, 1);
  });
});

describe("Nothing is extrapolated", () => {
  test("Points at another length are refused by name.", () => {
    expect(problemsOf({ "input.mean": 512 })).toEqual([
      "PD901 prefill.points[0] was measured at a mean prompt of 256 tokens, the requests have 512",
      "PD901 decode.points[0] was measured at a mean context of 384 tokens, the requests have 640",
    ]);
  });

  test.each([
    [233, 0],
    [284, 0],
    [232, 1],
    [285, 1],
  ])(
    "A prompt of %d tokens against 256 measured: %d problems, for a tenth is the same length.",
    (mean, count) => {
      expect(problemsOf({ "input.mean": mean })).toHaveLength(count);
    },
  );

  test("A batch that nothing was measured at is refused by name, smaller or larger.", () => {
    expect(problemsOf({ "decode.batch": 128 })).toEqual([
      "PD902 decode.points[0] was measured at batch 64, the instances will run 128",
    ]);
    expect(problemsOf({ "prefill.batch": 8 })).toHaveLength(1);
    expect(problemsOf({ "prefill.batch": 16 })).toEqual([]);
  });

  test("A point that misses its SLO is refused.", () => {
    expect(problemsOf({ "slo.tpotMs": 50 })).toEqual([
      "PD903 decode.points[0] its TPOT of 51.43 ms misses the SLO of 50 ms",
    ]);
  });

  test("Of the points that count, the one that serves most is taken; why the others do not is told.", () => {
    const points = [
      { input: 256, batch: 8, ttftMs: 500 },
      { input: 256, batch: 16, ttftMs: 877.61 },
      { input: 256, batch: 32, ttftMs: 1500 },
      { input: 2048, batch: 4, ttftMs: 900 },
    ];

    const result = planRatio(ratioInput({ "prefill.points": points }));

    if ("problems" in result) throw new Error("a point counts");
    expect(result.plan.points.prefill.path).toBe("prefill.points[1]");
    expect(result.refused.map(({ code, path }) => `${code} ${path}`)).toEqual([
      "PD903 prefill.points[2]",
      "PD901 prefill.points[3]",
    ]);
  });
});

test("The prefix cache saves prefill instances and no decode instance.", () => {
  const [cold] = planOf(ratioInput({ requestRate: 100 })).sizings;
  const [warm] = planOf(ratioInput({ requestRate: 100, prefixHit: 0.5 })).sizings;

  expect([cold.prefill, cold.decode]).toEqual([8, 28]);
  expect([warm.prefill, warm.decode]).toEqual([4, 28]);
});

test("A link that is too slow for the KV cache is the bottleneck, and more instances share it.", () => {
  const kvTransfer = { bytesPerToken: 1e6, gigabytesPerSecond: 1 };

  const [best] = planOf(ratioInput({ kvTransfer })).sizings;

  expect(best).toMatchObject({ prefill: 5, decode: 5, bottleneck: "transfer" });
  expect(best.busy.transfer).toBeCloseTo(12 / (5 * (1e9 / 256e6)), 10);
});

test("The queue is DistServe's M/D/1: with batch 1, mean TTFT is D + R D^2 / (2 (1 - R D)).", () => {
  const [seconds, rate] = [0.2, 3];
  const { queueingMs = 0, sizings } = planOf(
    ratioInput({ requestRate: rate, "prefill.points": [{ input: 256, batch: 1, ttftMs: seconds * 1000 }] }),
  );

  expect(sizings[0].prefill).toBe(1);
  expect(queueingMs).toBeCloseTo(1000 * ((rate * seconds ** 2) / (2 * (1 - rate * seconds))), 8);
});

test("Too few NPUs for one of each role are refused.", () => {
  expect(problemsOf({ requestRate: undefined, npus: 3 })).toEqual([
    "PD904 npus 3 do not hold one prefill and one decode instance",
  ]);
});
