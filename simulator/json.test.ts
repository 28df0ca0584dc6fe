import fc from "fast-check";
import { expect, test } from "vitest";
import { elements, members } from "./json.ts";

/** `.__proto__` as a member makes `Object.fromEntries` and literals differ; the parser must not care. */
const object = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue());

test("Members gives the names and values of any object, however it is laid out.", () => {
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, "\t", " \n "), (value, indent) => {
      const found = [...members(JSON.stringify(value, null, indent))];

      expect(found).toEqual(Object.entries(value).map(([name, member]) => [name, JSON.stringify(member)]));
    }),
  );
});

test("Elements gives the values of any array, however it is laid out, and keeps number literals.", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, "\t", " \n "), (value, indent) => {
      const found = elements(JSON.stringify(value, null, indent));

      expect(found).toEqual(value.map((element) => JSON.stringify(element)));
    }),
  );
  expect(elements("[ 9007199254740993, [1.0, -0] ]")).toEqual(["9007199254740993", "[1.0,-0]"]);
});

test("Members keeps number literals and the order of nested members.", () => {
  const text = `{"seed": 9007199254740993, "temperature": 1.0, "tools": [{"b": 1e2, "1": -0}]}`;

  const found = members(text);

  expect([...found.values()]).toEqual(["9007199254740993", "1.0", `[{"b":1e2,"1":-0}]`]);
});

test("Members reads escaped spellings of a name or a string as the plain ones.", () => {
  const found = members(String.raw`{"\u0073tream": "\u0041\/\"}{\\"}`);

  expect(found.get("stream")).toBe(String.raw`"A/\"}{\\"`);
});

test("Members takes the last of equal names, as Python does.", () => {
  expect(members(`{"a":1,"a":2}`).get("a")).toBe("2");
});

test("Members survives megabytes of escapes and deep nesting.", () => {
  const long = "\\".repeat(1_000_000);
  const deep = "[".repeat(100_000) + "]".repeat(100_000);

  const found = members(`{"prompt":${JSON.stringify(long)},"deep":${deep}}`);

  expect(found.get("prompt")).toBe(JSON.stringify(long));
  expect(found.get("deep")).toBe(deep);
});
