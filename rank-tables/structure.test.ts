import fc from "fast-check";
import { expect, test } from "vitest";
import { structureOf } from "./structure.ts";

test.each<[text: string, path: (string | number)[], key: string, line: number]>([
  ['{"a": 1, "a": 1}', [], "a", 1],
  ['{"a": 1,\n "b": 2,\n "a": 3}', [], "a", 3],
  ['{"a": 1, "\\u0061": 2}', [], "a", 1],
  ['{"\\"": 1, "\\u0022": 2}', [], '"', 1],
  ['{"x": [{}, {"y": {"k": [1, 2], "k": []}}]}', ["x", 1, "y"], "k", 1],
  ['[[1, {"a": {"a": 1}, "a": 2}]]', [0, 1], "a", 1],
  ['{"": 1, "": 2}', [], "", 1],
  ['{"__proto__": 1, "__proto__": 2}', [], "__proto__", 1],
  ['{"a": "}", "b": "\\\\", "a": 2}', [], "a", 1],
])("In %s the repeated key is found, and where.", (text, path, key, line) => {
  expect(structureOf(text).repeated).toEqual({ path, key, line });
});

test.each([
  '{"a": {"a": {"a": "a"}}, "b": ["a", "a"], "c": "a"}',
  '[{"a": 1}, {"a": 1}]',
  '{"a": "\\"a\\": 1, \\"a\\": 2"}',
  '{"a": 1, "A": 2, "a ": 3}',
  '"a"',
  "[]",
])("In %s no key is repeated.", (text) => {
  expect(structureOf(text).repeated).toBeUndefined();
});

test("Whatever JSON.stringify writes repeats no key; with one of its keys again, it does.", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue(), { minKeys: 1 }), (value) => {
      const text = JSON.stringify([value], null, 2);
      const [key = ""] = Object.keys(value);
      const again = text.replace(/\n {2}\}\n\]$/, () => `, ${JSON.stringify(key)}: 0 }]`);

      expect(structureOf(text).repeated).toBeUndefined();
      expect(structureOf(again).repeated).toMatchObject({ path: [0], key });
    }),
  );
});

test.each<[what: string, text: string, depth: number]>([
  ["lists", "[".repeat(1_000_000) + "]".repeat(1_000_000), 1_000_000],
  ["objects", `${'{"a":'.repeat(300_000)}0${"}".repeat(300_000)}`, 300_000],
  ["a string of backslashes", JSON.stringify(["\\".repeat(4_000_000)]), 1],
  ["a string of quotes", JSON.stringify(['"'.repeat(4_000_000)]), 1],
  [
    "many keys",
    JSON.stringify(Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, i]))),
    1,
  ],
])("Of %s without end it is told how deep they go.", (_, text, depth) => {
  expect(structureOf(text)).toEqual({ repeated: undefined, depth });
});
