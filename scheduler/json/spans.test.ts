import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KEYS, membersOf, topLevel } from "../testing/json-values.ts";
import { JsonSyntaxError, scanArray, scanIfObject, scanObject } from "./spans.ts";

test("Members are found with their spans, keys asked for with escapes resolved.", () => {
  expect(membersOf(' { "a" : [1, {"b":2}] ,\n"\\u0062\\/" :-1.5e+9,"ab":0}\t', ["a", "b/", "b"])).toEqual([
    { key: "a", member: '"a" : [1, {"b":2}]', value: '[1, {"b":2}]' },
    { key: "b/", member: '"\\u0062\\/" :-1.5e+9', value: "-1.5e+9" },
    { key: undefined, member: '"ab":0', value: "0" },
  ]);
});

test.for([1000, 1001])("An object of %i keys is scanned: up to 1000.", (count) => {
  const text = `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join(",")}}`;

  expect(scanIfObject(Buffer.from(text), []) !== undefined).toBe(count <= 1000);
});

test.for([128, 129])("An object %i levels deep is %s.", (depth) => {
  const text = `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

  expect(scanIfObject(Buffer.from(text), []) !== undefined).toBe(depth <= 128);
});

test("An error says what and where, and quotes nothing.", () => {
  expect(() => scanObject(Buffer.from('{"secret": oops}'), [])).toThrow(
    new JsonSyntaxError("expected a value", 11),
  );
});

test("Of any object the members are those that JSON.parse finds.", () => {
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

test("Of any text it takes what JSON.parse takes as an object, and nothing else.", () => {
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

test("Bytes that are not UTF-8 are refused, wherever they stand.", () => {
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

test("In a long string every byte that has to be escaped is seen, wherever it stands.", () => {
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

/** Text of what a prompt can hold next to its end, in any order and number. */
const hardText = fc
  .array(fc.constantFrom("\\", '"', "\n", "é", "x", "x".repeat(1100), '","a":"', "{", "}"), { maxLength: 60 })
  .map((parts) => parts.join(""));

test("The end of a string of any length is found, whatever escapes stand in it.", () => {
  fc.assert(
    fc.property(hardText, hardText, (first, second) => {
      const text = JSON.stringify({ a: first, b: second });

      const values = membersOf(text, ["a", "b"]).map(({ value }) => JSON.parse(value));

      expect(values).toEqual([first, second]);
    }),
    { numRuns: 2000 },
  );
});

test.for(["a control character \n", "no escape \\x", "no code \\u12"])(
  "%s is refused in a string of up to 1 KiB, and in a longer one left to the engine.",
  (what) => {
    const isTaken = (length: number) => scanIfObject(Buffer.from(`{"a":"${"x".repeat(length)}${what}"}`), []);

    expect(isTaken(900)).toBeUndefined();
    expect(isTaken(1100)).toHaveLength(1);
  },
);

test("A key with an escape that a long string may have is none that is asked for.", () => {
  const text = `{"${"x".repeat(2000)}\\x":1,"a":2}`;

  expect(membersOf(text, ["a"]).map(({ key }) => key)).toEqual([undefined, "a"]);
});

test("A value of more than 1.2 million values is refused, one of a million token ids is not.", () => {
  const ids = (count: number) => Buffer.from(`{"prompt":[${"151643,".repeat(count - 1)}1]}`);

  expect(scanIfObject(ids(1_100_000), [])).toHaveLength(1);
  expect(scanIfObject(ids(1_300_000), [])).toBeUndefined();
});

test("The items of an array are found with their spans, as many as are asked for.", () => {
  const bytes = Buffer.from('{"a": [ 1 , "b]" ,[2,3], {} ] ,"b":[]}');
  const [a, b] = scanObject(bytes, []);
  const itemsOf = (member: { valueStart: number } | undefined, most: number) =>
    scanArray(bytes, member?.valueStart ?? 0, most).map(({ start, end }) =>
      bytes.toString("utf8", start, end),
    );

  expect(itemsOf(a, 9)).toEqual(["1", '"b]"', "[2,3]", "{}"]);
  expect(itemsOf(a, 2)).toEqual(["1", '"b]"']);
  expect(itemsOf(b, 9)).toEqual([]);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
