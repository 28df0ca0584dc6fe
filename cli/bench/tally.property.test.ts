import fc from "fast-check";
import { expect, test } from "vitest";
import type { Outcome } from "./client.ts";
import { readSlo } from "./slo.ts";
import { Tally } from "./tally.ts";

const answered = fc.record({
  kind: fc.constant("answered" as const),
  ttft: fc.integer({ min: 1, max: 5000 }),
  more: fc.integer({ min: 0, max: 20_000 }),
  inputTokens: fc.nat(5000),
  outputTokens: fc.integer({ min: 1, max: 500 }),
});
const failed = fc.record({
  kind: fc.constant("failed" as const),
  what: fc.constantFrom("ECONNRESET", "503 no_decode"),
  detail: fc.string(),
});
const outcomes = fc.array(
  fc.oneof(
    answered.map(({ more, ...one }): Outcome => ({ ...one, e2el: one.ttft + more })),
    failed,
    fc.constant<Outcome>({ kind: "cancelled" }),
  ),
  { maxLength: 100 },
);

test("Every request is counted once, tokens are added up, and goodput counts those that keep every limit.", () => {
  fc.assert(
    fc.property(outcomes, (all) => {
      const tally = new Tally(readSlo("ttft=2s,tpot=50ms"));
      for (const outcome of all) tally.add(outcome);
      const result = tally.result({ concurrency: 3 }, 10, 0.5);

      const ok = all.filter((one) => one.kind === "answered");
      const good = ok.filter(
        ({ ttft, e2el, outputTokens }) =>
          ttft <= 2000 && (outputTokens === 1 || (e2el - ttft) / (outputTokens - 1) <= 50),
      );
      const outputTokens = ok.reduce((sum, one) => sum + one.outputTokens, 0);
      const inputTokens = ok.reduce((sum, one) => sum + one.inputTokens, 0);
      expect(result).toMatchObject({
        num_prompts: all.length,
        completed: ok.length,
        failed: all.filter(({ kind }) => kind === "failed").length,
        cancelled: all.filter(({ kind }) => kind === "cancelled").length,
        total_input_tokens: inputTokens,
        total_output_tokens: outputTokens,
        request_throughput: ok.length / 10,
        request_goodput: good.length / 10,
        output_throughput: outputTokens / 10,
        total_token_throughput: (inputTokens + outputTokens) / 10,
      });
      expect(Object.values(result.errors).reduce((sum, { count }) => sum + count, 0)).toBe(result.failed);
    }),
  );
});

test("However many kinds of failures a server invents, a few are told.", () => {
  const tally = new Tally(undefined);
  for (let index = 0; index < 1000; index++)
    tally.add({ kind: "failed", what: `500 ${index}`, detail: "words" });

  const { errors, failed: count, request_goodput: goodput } = tally.result({ rate: 1 }, 1, 0);

  expect(Object.keys(errors)).toHaveLength(33);
  expect(errors.other).toEqual({ count: 968, example: "words" });
  expect([count, goodput]).toEqual([1000, null]);
});

test.each(["ttft=2", "ttft=2s,ttft=3s", "tps=5ms", "ttft=0ms", "", "ttft=-1s", "ttft=1s;tpot=5ms"])(
  "%j is no SLO.",
  (text) => {
    expect(() => readSlo(text)).toThrow(/is no limit\nfix: ttft, tpot or e2el/);
  },
);

test("Limits have units.", () => {
  expect(readSlo("ttft=1.5s, tpot=50ms,e2el=2m")).toEqual({ ttft: 1500, tpot: 50, e2el: 120_000 });
});
