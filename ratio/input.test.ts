import { expect, test } from "vitest";
import { put } from "../planning/testing/sample-input.ts";
import { parseRatioInput, ratioInputJsonSchema } from "./input.ts";
import { sampleMeasurements } from "./testing/sample.ts";

function problemsOf(path: string, value: unknown): string[] {
  const input = sampleMeasurements();
  put(input, path, value);
  const result = parseRatioInput(input);
  return "problems" in result ? result.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

test.each([
  ["requestRate", undefined, 'requestRate: "requestRate" is missing'],
  ["npus", 16, "npus: 16 stands beside requestRate; only one of them can be given"],
  ["requestRate", 0, "requestRate: 0 is below 0"],
  ["requestRate", "12", 'requestRate: expected a number, got "12"'],
  ["input.mean", Number.NaN, "input.mean: expected a number, got NaN"],
  ["output.mean", 1, "output.mean: 1 is below 2"],
  ["prefixHit", 1, "prefixHit: 1 is above 0.99"],
  ["slo", undefined, 'slo: "slo" is missing'],
  ["prefill.points", [], "prefill.points: is empty"],
  ["prefill.point", [], 'prefill.point: unknown key "point"'],
  ["decode.points[0].batch", 1.5, "decode.points[0].batch: expected a whole number, got 1.5"],
  [
    "decode.points[0].batch",
    undefined,
    "decode.points[0]: a group of keys needs batch and tpotMs, or tokensPerSecond alone",
  ],
  [
    "prefill.points[0].tokensPerSecond",
    9,
    "prefill.points[0]: a group of keys needs batch and ttftMs, or tokensPerSecond alone",
  ],
])("%s: %j is refused by name.", (path, value, problem) => {
  expect(problemsOf(path, value)).toEqual([problem]);
});

test("Every field has a description.", () => {
  const undescribed = (schema: object, path: string): string[] => {
    const {
      description,
      properties = {},
      items,
    } = schema as { description?: string; properties?: object; items?: object };
    return [
      ...(description === undefined ? [path] : []),
      ...Object.entries(properties).flatMap(([key, child]) => undescribed(child, `${path}.${key}`)),
      ...(items === undefined ? [] : undescribed(items, `${path}[]`)),
    ];
  };

  expect(undescribed(ratioInputJsonSchema(), "")).toEqual([]);
});
