import fc from "fast-check";
import { expect, test } from "vitest";
import {
  JsonSyntaxError,
  type Member,
  Scan,
  SLICE_BYTES,
  scanArray,
  scanInSlices,
  scanObject,
} from "./spans.ts";

const MIB = 1024 * 1024;
const KEYS = ["a", "prompt", "stream"];

const outcome = (scan: () => Member[]): unknown => {
  try {
    return scan();
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return error.message;
  }
};

function inSteps(bytes: Buffer, most: number): Member[] {
  const scan = new Scan(bytes, KEYS);
  for (;;) {
    const members = scan.step(most);
    if (members !== undefined) return members;
  }
}

test("What is read in steps of any size is what is read at once, right or wrong.", () => {
  const value = fc.jsonValue({ maxDepth: 6 }).map((json) => JSON.stringify(json));
  const object = fc
    .array(fc.tuple(fc.constantFrom(...KEYS, "other"), value), { maxLength: 6 })
    .map((members) => `{${members.map(([key, text]) => `"${key}": ${text}`).join(" ,")}}`);
  const spoilt = fc
    .tuple(object, fc.nat(), fc.constantFrom("", "x", "]", "}", '"', ","))
    .map(([text, at, by]) => text.slice(0, at % text.length) + by + text.slice((at % text.length) + 1));
  fc.assert(
    fc.property(fc.oneof(object, spoilt), fc.integer({ min: 0, max: 40 }), (text, most) => {
      const bytes = Buffer.from(text);
      expect(outcome(() => inSteps(bytes, most))).toEqual(outcome(() => scanObject(bytes, KEYS)));
    }),
  );
});

const filled = (begin: string, unit: string, end: string) =>
  Buffer.from(begin + unit.repeat(Math.floor((8 * MIB - begin.length - end.length) / unit.length)) + end);
const STRING = `"${"\\n".repeat(500)}",`;

/** Bodies of 8 MiB, the dearest of each kind that is taken, and some that are refused at their end. */
const SHAPES: readonly { readonly what: string; readonly body: Buffer }[] = [
  { what: "numbers", body: filled('{"prompt":[', "1,2,3,4,5,", "1]}") },
  { what: "large numbers", body: filled('{"prompt":[', "9007199254740993,", "1]}") },
  { what: "empty objects", body: filled('{"a":[', "{},", "{}]}") },
  { what: "objects", body: filled('{"a":[', '{"a":1},', "{}]}") },
  { what: "short texts", body: filled('{"a":[', '"","ab",', '""]}') },
  { what: "texts of escapes", body: filled('{"a":[', STRING, '""]}') },
  { what: "nested lists", body: filled('{"a":[', `${"[".repeat(100)}1${"]".repeat(100)},`, "1]}") },
  { what: "white space between values", body: filled('{"a":[', "1 , ", "1]}") },
  { what: "fractions", body: filled('{"a":[', "-1.5e-10,", "1]}") },
  { what: "one text", body: filled('{"a":"', "x", '"}') },
  { what: "one text of escapes", body: filled('{"a":"', "\\u4e2d", '"}') },
  { what: "one Chinese text", body: filled('{"a":"', "中", '"}') },
];

test.for(SHAPES)("Rule 43: 8 MiB of $what are read a slice in a turn.", ({ what, body }) => {
  const steps: number[] = [];
  let longest = 0;
  let start = performance.now();
  const scan = new Scan(body, KEYS);
  const members = outcome(() => {
    for (;;) {
      const before = scan.at;
      const members = scan.step(SLICE_BYTES);
      longest = Math.max(longest, performance.now() - start);
      if (members !== undefined) return members;
      steps.push(scan.at - before);
      start = performance.now();
    }
  });
  console.log(`${what}: ${steps.length + 1} turns, the longest ${longest.toFixed(1)} ms`);

  expect(members).toEqual(outcome(() => scanObject(body, KEYS)));
  // A value is gone through to its end.
  expect(steps.filter((bytes) => bytes > SLICE_BYTES + STRING.length)).toEqual([]);
  // A text is gone through at once: a processor does that faster than all else.
  expect(steps.length > 5).toBe(!what.startsWith("one"));
});

test("Rule 43: large values within a body that was read in slices are not gone through again.", async () => {
  const inner = `[${"1,".repeat(100_000)}1]`;
  const body = Buffer.from(`{"prompt":[${inner},${inner},[1]]}`);

  const { members, known } = await scanInSlices(body, KEYS);
  const [prompt] = members;
  const items = scanArray(body, prompt?.valueStart ?? 0, 10, known);

  expect(items).toEqual(scanArray(body, prompt?.valueStart ?? 0, 10));
  expect([...known]).toEqual(items.slice(0, 2).map(({ start, end }) => [start, end]));
});
