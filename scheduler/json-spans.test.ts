import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { editObject } from "./json-edit.ts";
import { JsonSyntaxError, scanIfObject, scanObject } from "./json-spans.ts";
import { joined, MAX_TEXT_BYTES } from "./pieces.ts";

const membersOf = (text: string, keys: readonly string[]) => {
  const bytes = Buffer.from(text);
  return scanObject(bytes, keys).map(({ key, start, valueStart, end }) => ({
    key,
    member: bytes.toString("utf8", start, end),
    value: bytes.toString("utf8", valueStart, end),
  }));
};

const edited = (text: string, edits: Record<string, string | undefined>): string => {
  const bytes = Buffer.from(text);
  const list = Object.entries(edits).map(([key, value]) => ({ key, value }));
  return joined(editObject(bytes, scanObject(bytes, Object.keys(edits)), list)).toString();
};

test("members are found with their spans, keys asked for with escapes resolved", () => {
  expect(membersOf(' { "a" : [1, {"b":2}] ,\n"\\u0062\\/" :-1.5e+9,"ab":0}\t', ["a", "b/", "b"])).toEqual([
    { key: "a", member: '"a" : [1, {"b":2}]', value: '[1, {"b":2}]' },
    { key: "b/", member: '"\\u0062\\/" :-1.5e+9', value: "-1.5e+9" },
    { key: undefined, member: '"ab":0', value: "0" },
  ]);
});

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
] as const)("%s with the edits %j becomes %s", ([text, edits, expected]) => {
  expect(edited(text, edits)).toBe(expected);
});

test.for([1000, 1001])("an object of %i keys is scanned: up to 1000", (count) => {
  const text = `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join(",")}}`;

  expect(scanIfObject(Buffer.from(text), []) !== undefined).toBe(count <= 1000);
});

test.for([128, 129])("an object %i levels deep is %s", (depth) => {
  const text = `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

  expect(scanIfObject(Buffer.from(text), []) !== undefined).toBe(depth <= 128);
});

test("an error says what and where, and quotes nothing", () => {
  expect(() => scanObject(Buffer.from('{"secret": oops}'), [])).toThrow(
    new JsonSyntaxError("expected a value", 11),
  );
});

const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/);

/** JSON text with white space anywhere and strings with escapes, of any value. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; string: string }>((tie) => ({
  string: fc.oneof(
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.stringMatching(/^(?:[a-z{}[\],:]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,6}$/).map((text) => `"${text}"`),
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("true", "false", "null"),
    fc.stringMatching(/^-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,4})?(?:[eE][+-]?[0-9]{1,2})?$/),
    tie("string"),
    fc
      .tuple(space, fc.array(fc.tuple(space, tie("value"), space), { maxLength: 4 }))
      .map(([inner, items]) => `[${items.map((item) => item.join("")).join(",") || inner}]`),
    objectText(tie("string"), tie("value")),
  ),
})).value;

function objectText(key: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const member = fc.tuple(space, key, space, space, value, space);
  return fc
    .tuple(space, fc.array(member, { maxLength: 5 }))
    .map(
      ([inner, members]) =>
        `{${members.map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`).join(",") || inner}}`,
    );
}

const KEYS = ["stream", "max_tokens", "kv_transfer_params", "__proto__", ""];
/** A top-level object, with keys of ours in plain and escaped spelling among others. */
const topLevel = objectText(
  fc.oneof(
    fc.constantFrom(...KEYS).map((key) => JSON.stringify(key)),
    fc
      .constantFrom(...KEYS)
      .map((key) => `"${[...key].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("")}"`),
    fc.string().map((key) => JSON.stringify(key)),
  ),
  jsonText,
);

test("of any object the members are those that JSON.parse finds", () => {
  fc.assert(
    fc.property(topLevel, (text) => {
      const parsed: Record<string, unknown> = Object.assign(Object.create(null), JSON.parse(text));

      const found: Record<string, unknown> = Object.create(null);
      for (const { key, value } of membersOf(text, Object.keys(parsed)))
        found[String(key)] = JSON.parse(value);

      expect(found).toEqual(parsed);
    }),
    { numRuns: 2000 },
  );
});

test("of any text it takes what JSON.parse takes as an object, and nothing else", () => {
  const damage = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]",:\\0-.eE+tn \n\u0000\u001f\u007fé'));
  fc.assert(
    fc.property(topLevel, fc.array(damage, { maxLength: 2 }), (text, damages) => {
      const damaged = damages.reduce((now, [at, cut, put]) => {
        const from = at % (now.length + 1);
        return now.slice(0, from) + put + now.slice(from + cut);
      }, text);
      let parsed: unknown;
      try {
        // What a cut surrogate pair becomes on the way to bytes is what both see.
        parsed = JSON.parse(Buffer.from(damaged).toString());
      } catch {}
      const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);

      expect(scanIfObject(Buffer.from(damaged), KEYS) !== undefined).toBe(isObject);
    }),
    { numRuns: 4000 },
  );
});

test("bytes that are not UTF-8 are refused, wherever they stand", () => {
  fc.assert(
    fc.property(topLevel, fc.nat(), fc.constantFrom(0x80, 0xc0, 0xc1, 0xf5, 0xff), (text, at, byte) => {
      const bytes = Buffer.from(text);
      const from = at % bytes.length;
      const damaged = Buffer.concat([bytes.subarray(0, from), Buffer.from([byte]), bytes.subarray(from)]);
      fc.pre(damaged.toString() !== text && Buffer.from(damaged.toString()).compare(damaged) !== 0);

      expect(scanIfObject(damaged, KEYS)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
});

test("an edit keeps every member that it does not name to the byte, in order", () => {
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

test("an object too long to be edited as text becomes the same to the byte", () => {
  const edits = { stream: "false", max_tokens: undefined, added: "1" };
  const space = " ".repeat(MAX_TEXT_BYTES);
  fc.assert(
    fc.property(topLevel, (text) => {
      expect(edited(text + space, edits)).toBe(edited(text, edits) + space);
    }),
    { numRuns: 1000 },
  );
});

test("an edit that only replaces or adds keeps all other bytes", () => {
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

test("in a long string every byte that has to be escaped is seen, wherever it stands", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.nat({ max: 90 }),
      fc.nat({ max: 90 }),
      (byte, before, behind) => {
        const around = (count: number) => Buffer.alloc(count, "plain é");
        const value = Buffer.concat([around(before), Buffer.from([byte]), around(behind)]);
        const text = Buffer.concat([Buffer.from('{"prompt":"'), value, Buffer.from('"}')]);
        const isJson = isUtf8(text) && parses(text.toString());

        expect(scanIfObject(text, []) !== undefined).toBe(isJson);
      },
    ),
    { numRuns: 5000 },
  );
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
