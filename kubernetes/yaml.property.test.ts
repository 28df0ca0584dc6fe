import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { yaml } from "./yaml.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }).filter((one) => one.isWellFormed()),
  fc.constantFrom(
    "yes",
    "Null",
    "0x1f",
    "1e3",
    "2024-01-01",
    "- a",
    "a: b",
    "#",
    "a #b",
    "~",
    "",
    " a\nb",
    "a\n",
    "a\n\n",
    'a "b" c',
    '"it\'s"',
    '"\\',
  ),
  fc
    .array(fc.constantFrom("a", " ", "\n", "\t", "\r", "#", ":", "-", '"', "\\", "é", "\u2028", "\ufeff"))
    .map((all) => all.join("")),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== "__proto__" && key !== "<<"),
      tie("value"),
      { maxKeys: 4 },
    ),
  ),
})).value;

test.each(["1.1", "1.2"] as const)("A reader of YAML %s finds the value that was written.", (version) => {
  fc.assert(
    fc.property(value, (one) => {
      expect(parse(yaml(one), { version, uniqueKeys: true })).toEqual(one);
    }),
    { numRuns: 500 },
  );
});

test("Text of several lines stays legible, and words need no quotes.", () => {
  const file = '{\n    "version": "1.0"\n}';

  expect(
    yaml({ kind: "ConfigMap", data: { "a.json": file, n: "8" }, list: [{ a: "b", c: [1, 2] }, []] }),
  ).toBe(`kind: ConfigMap
data:
  a.json: |-
    {
        "version": "1.0"
    }
  "n": "8"
list:
  - a: b
    c:
      - 1
      - 2
  - []
`);
});
