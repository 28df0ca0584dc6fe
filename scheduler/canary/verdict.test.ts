import fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../errors.ts";
import { isEvidence, narrowed, secondVerdictOf, verdictOf } from "./verdict.ts";

const RIGHT = "stone 85 cloud 33";
const failed = (
  leg: "prefill" | "decode",
  code: ConstructorParameters<typeof Failure>[0],
  status?: number,
) => ({
  leg,
  failure: new Failure(code, status === undefined ? {} : { status }),
});

test("The tokens that decode computes alone pass, others call for a second canary, and fail that.", () => {
  expect(verdictOf({ text: RIGHT }, RIGHT)).toEqual({ outcome: "passed" });
  expect(verdictOf({ text: "\n\n\n\n" }, RIGHT)).toBeUndefined();
  expect(secondVerdictOf({ text: "\n\n\n\n" }, RIGHT)).toMatchObject({ outcome: "failed" });
  expect(secondVerdictOf({ text: RIGHT }, RIGHT)).toEqual({ outcome: "passed" });
});

test.for(["decode_failed", "decode_timeout"] as const)(
  "A decode leg that ends as %s is a transfer that failed.",
  (code) => {
    const answered = failed("decode", code);

    expect(verdictOf(answered, RIGHT)).toBeUndefined();
    expect(secondVerdictOf(answered, RIGHT)).toMatchObject({ outcome: "failed" });
  },
);

test.for([
  ["prefill", "prefill_failed", 502, false],
  ["prefill", "prefill_timeout", 504, false],
  ["prefill", "prefill_unreachable", 503, false],
  ["decode", "decode_unreachable", 503, false],
  ["decode", "given_back", 503, false],
  ["decode", "refused_by_engine", 429, false],
  ["decode", "refused_by_engine", 503, false],
  ["prefill", "refused_by_engine", 400, true],
  ["prefill", "missing_kv_params", 502, true],
] as const)(
  "%s that ends as %s with %i says nothing of the pair; nor will another canary: %j.",
  ([leg, code, status, never]) => {
    const answered = failed(leg, code, status);

    for (const verdict of [verdictOf(answered, RIGHT), secondVerdictOf(answered, RIGHT)])
      expect(verdict).toMatchObject({ outcome: "unknown", never });
  },
);

test("What is expected is what all answers of decode alone begin with, in whatever order they came.", () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string(), { minLength: 1 }), (beginning, ends) => {
      const answers = ends.map((end) => beginning + end);

      const expected = answers.reduce<string | undefined>(narrowed, undefined) ?? "";

      expect(answers.every((answer) => answer.startsWith(expected))).toBe(true);
      expect(expected.startsWith(beginning)).toBe(true);
      expect([...answers].reverse().reduce<string | undefined>(narrowed, undefined)).toBe(expected);
    }),
  );
});

test("Where next to nothing is the same each time, only that tokens come is looked at.", () => {
  const expected = narrowed("stone", "st");

  expect(isEvidence(expected)).toBe(false);
  expect(verdictOf({ text: "anything" }, expected)).toEqual({ outcome: "passed" });
  expect(verdictOf({ text: "" }, expected)).toBeUndefined();
});
