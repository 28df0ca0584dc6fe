import fc from "fast-check";
import { expect, test } from "vitest";
import { type Field, parseFields } from "../http/head.ts";
import { contextIn, contextLines } from "./context.ts";
import { isSampled, SAMPLERS } from "./sampler.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const GOOD = `00-${ID}-${SPAN}-01`;

const head = (...lines: string[]): Field[] => parseFields(["GET / HTTP/1.1", ...lines]);
const parentOf = (value: string) => contextIn(head(`traceparent: ${value}`));
const stateOf = (...lines: string[]) => {
  const found = contextIn(head(`traceparent: ${GOOD}`, ...lines.map((line) => `tracestate: ${line}`)));
  return typeof found === "object" ? found.state : found;
};

test("A head without a traceparent tells of no trace, whatever its tracestate says.", () => {
  expect(contextIn(head("tracestate: a=b"))).toBeUndefined();
});

test("A traceparent that concerns one connection alone tells of no trace.", () => {
  expect(contextIn(head(`traceparent: ${GOOD}`, "Connection: Traceparent"))).toBeUndefined();
});

test("A good traceparent is read.", () => {
  expect(parentOf(GOOD)).toEqual({ traceId: ID, parentId: SPAN, flags: 1, state: "" });
});

test.each([
  ["one of a later version", `01-${ID}-${SPAN}-01`],
  ["one of a later version with more behind it", `cc-${ID}-${SPAN}-01-what-the-future-will-be-like`],
  ["one with flags that nobody knows, which are not passed on", `00-${ID}-${SPAN}-f9`],
])("A traceparent is valid: %s.", (_what, value) => {
  expect(parentOf(value)).toEqual({ traceId: ID, parentId: SPAN, flags: 1, state: "" });
});

test.each([
  ["of version ff", `ff-${ID}-${SPAN}-01`],
  ["of version 00 with more behind it", `${GOOD}-00`],
  ["of a later version with something else behind it", `cc-${ID}-${SPAN}-01.what`],
  ["in capitals", `00-${ID.toUpperCase()}-${SPAN}-01`],
  ["with a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["with a span id of zeros", `00-${ID}-${"0".repeat(16)}-01`],
  ["with a trace id that is too short", `00-${ID.slice(1)}-${SPAN}-01`],
  ["with a trace id that is too long", `00-${ID}0-${SPAN}-01`],
  ["with a span id that is too short", `00-${ID}-${SPAN.slice(1)}-01`],
  ["without flags", `00-${ID}-${SPAN}`],
  ["with flags that are too short", `00-${ID}-${SPAN}-1`],
  ["with a version that is too short", `0-${ID}-${SPAN}-01`],
  ["with signs that are no digits", `00-${ID.slice(1)}g-${SPAN}-01`],
  ["of nothing", ""],
])("A traceparent is invalid: one %s.", (_what, value) => {
  expect(parentOf(value)).toBe("invalid");
});

test("Two traceparents are invalid, also when they are the same.", () => {
  expect(contextIn(head(`traceparent: ${GOOD}`, `traceparent: ${GOOD}`))).toBe("invalid");
});

test.each<[what: string, lines: readonly string[], state: string]>([
  ["one member", ["foo=1"], "foo=1"],
  ["white space around members", ["foo=1 \t,\t bar=2"], "foo=1,bar=2"],
  ["several lines, which are one", ["foo=1,bar=2", "rojo=1"], "foo=1,bar=2,rojo=1"],
  ["empty members", ["foo=1,,bar=2,"], "foo=1,bar=2"],
  ["a key of a tenant", ["foo@bar=1"], "foo@bar=1"],
  ["a value with signs", ["foo=bar baz!"], "foo=bar baz!"],
  [
    "the longest keys and values",
    [`${"z".repeat(256)}=${"v".repeat(256)}`],
    `${"z".repeat(256)}=${"v".repeat(256)}`,
  ],
  [
    "32 members",
    [Array.from({ length: 32 }, (_, at) => `k${at}=1`).join()],
    Array.from({ length: 32 }, (_, at) => `k${at}=1`).join(),
  ],
])("A tracestate is valid with %s.", (_what, lines, state) => {
  expect(stateOf(...lines)).toBe(state);
});

test.each<[what: string, ...lines: string[]]>([
  ["a key twice", "foo=1,foo=2"],
  ["a key twice over lines", "foo=1", "foo=1"],
  ["a key of capitals", "FOO=1"],
  ["a key that begins with a digit", "1foo=1"],
  ["a key with a space in it", "foo =1"],
  ["an empty key", "=1"],
  ["an empty tenant", "@foo=1"],
  ["two tenants", "foo@bar@baz=1"],
  ["a system that is too long", `t@${"v".repeat(15)}=1`],
  ["a key that is too long", `${"z".repeat(257)}=1`],
  ["an empty value", "foo=,bar=3"],
  ["a value that is too long", `foo=${"v".repeat(257)}`],
  ["a value that is no ASCII", "foo=\u00e9"],
  ["no value", "foo"],
  ["33 members", Array.from({ length: 33 }, (_, at) => `k${at}=1`).join()],
])("A tracestate counts for nothing with %s, and the traceparent all the same.", (_what, ...lines) => {
  expect(stateOf(...lines)).toBe("");
});

test("White space within a member takes no longer than other signs, however much of it there is.", () => {
  expect(stateOf(`foo=1${" ".repeat(2 ** 20)}1`)).toBe("");
});

test("A tracestate that concerns one connection alone is not passed on.", () => {
  const found = contextIn(head(`traceparent: ${GOOD}`, "tracestate: a=b", "Connection: tracestate"));

  expect(found).toMatchObject({ traceId: ID, state: "" });
});

test("What is passed on reads back as it was.", () => {
  const hex = (length: number) =>
    fc
      .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
      .map((digits) => digits.join(""))
      .filter((digits) => /[^0]/.test(digits));
  fc.assert(
    fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 3 }), (traceId, parentId, flags) => {
      const context = { traceId, parentId, flags, state: "a=b,c=d" };

      const lines = contextLines(context).trimEnd().split("\r\n");

      expect(contextIn(head(...lines))).toEqual(context);
    }),
  );
});

test("Samplers that go by a parent do as it does, and others do not ask.", () => {
  for (const name of SAMPLERS) {
    const [kept, left] = [true, false].map((parent) => isSampled({ name, ratio: 0.5 }, ID, parent));
    if (name.startsWith("parentbased_")) expect([name, kept, left]).toEqual([name, true, false]);
    else expect([name, kept === left]).toEqual([name, true]);
  }
});

test("A ratio keeps about that part of traces, and what a smaller one keeps a larger one does.", () => {
  const ids = Array.from(
    { length: 4096 },
    (_, at) => `${ID.slice(0, 19)}${(at * 2 ** 40).toString(16).padStart(13, "0")}`,
  );
  const keptBy = (ratio: number) =>
    new Set(ids.filter((id) => isSampled({ name: "traceidratio", ratio }, id, undefined)));
  const [none, some, more, all] = [0, 0.1, 0.5, 1].map(keptBy);

  expect([none?.size, all?.size]).toEqual([0, ids.length]);
  expect((some?.size ?? 0) / ids.length).toBeCloseTo(0.1, 2);
  expect([...(some ?? [])].every((id) => more?.has(id))).toBe(true);
});
