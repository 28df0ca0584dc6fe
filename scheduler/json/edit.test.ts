import fc from "fast-check";
import { expect, test } from "vitest";
import { joined, MAX_TEXT_BYTES } from "../data/pieces.ts";
import { membersOf, topLevel } from "../testing/json-values.ts";
import { editObject } from "./edit.ts";
import { scanObject } from "./spans.ts";

const edited = (text: string, edits: Record<string, string | undefined>): string => {
  const bytes = Buffer.from(text);
  const list = Object.entries(edits).map(([key, value]) => ({ key, value }));
  return joined(editObject(bytes, scanObject(bytes, Object.keys(edits)), list)).toString();
};

test.for([
  ["{}", { a: "1" }, '{"a":1}'],
  [" { } ", { a: "1", b: "2" }, ' {"a":1,"b":2 } '],
  ['{"x":0}', { a: "1" }, '{"a":1,"x":0}'],
  ['{"a":0, "x":0}', { a: "1" }, '{"a":1, "x":0}'],
  ['{"a":0}', { a: undefined }, "{}"],
  ['{ "a":0 , "x":0 }', { a: undefined }, '{ "x":0 }'],
  ['{ "x":0 , "a":0 }', { a: undefined }, '{ "x":0 }'],
  [
    '{ "a":0 , "b":0 , "x":0 , "c":0 , "d":0 }',
    { a: undefined, b: undefined, c: undefined, d: undefined },
    '{ "x":0 }',
  ],
  ['{"a":0,"b":0}', { a: undefined, b: undefined, c: "1" }, '{"c":1}'],
  ['{"x":0,"a":0,"a":1,"y":0}', { a: undefined }, '{"x":0,"y":0}'],
  ['{"a":0,"b":1}', { a: undefined, b: "2" }, '{"b":2}'],
] as const)("%s with the edits %j becomes %s.", ([text, edits, expected]) => {
  expect(edited(text, edits)).toBe(expected);
});

test("An edit keeps every member that it does not name to the byte, in order.", () => {
  const edits = fc.dictionary(
    fc.constantFrom("stream", "max_tokens", "kv_transfer_params", ""),
    fc.option(fc.constantFrom("1", "false", '{"a":[]}'), { nil: undefined }),
  );
  fc.assert(
    fc.property(topLevel, edits, (text, changes) => {
      const all = Object.keys({ ...JSON.parse(text), ...changes });
      const before = membersOf(text, all);
      const names = before.map(({ key }) => key);
      fc.pre(Object.keys(changes).every((key) => names.indexOf(key) === names.lastIndexOf(key)));

      const after = membersOf(edited(text, changes), all);

      const untouched = before.filter(({ key }) => !(String(key) in changes));
      expect(after.filter(({ key }) => !(String(key) in changes))).toEqual(untouched);
      for (const [key, value] of Object.entries(changes)) {
        expect(after.filter((one) => one.key === key).map((one) => one.value)).toEqual(
          value === undefined ? [] : [value],
        );
      }
    }),
    { numRuns: 2000 },
  );
});

test("An object too long to be edited as text becomes the same to the byte.", () => {
  const edits = { stream: "false", max_tokens: undefined, added: "1" };
  const space = " ".repeat(MAX_TEXT_BYTES);
  fc.assert(
    fc.property(topLevel, (text) => {
      expect(edited(text + space, edits)).toBe(edited(text, edits) + space);
    }),
    { numRuns: 1000 },
  );
});

test("An edit that only replaces or adds keeps all other bytes.", () => {
  fc.assert(
    fc.property(topLevel, fc.constantFrom("1", "false"), (text, put) => {
      const bytes = Buffer.from(text);
      const members = scanObject(bytes, ["stream"]);
      fc.pre(members.filter(({ key }) => key === "stream").length < 2);
      const stream = members.find(({ key }) => key === "stream");

      const result = joined(editObject(bytes, members, [{ key: "stream", value: put }])).toString();

      const brace = text.indexOf("{") + 1;
      const added = `"stream":${put}${members.length === 0 ? "" : ","}`;
      const expected =
        stream === undefined
          ? text.slice(0, brace) + added + text.slice(brace)
          : bytes.toString("utf8", 0, stream.valueStart) + put + bytes.toString("utf8", stream.end);
      expect(result).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});
