import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { secret } from "../testing/started-plugin.ts";
import { diff, rootOf } from "./diff.ts";
import type { PropertyMap, Value } from "./values.ts";

const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((again) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.boolean(),
    fc.string(),
    fc.integer(),
    fc.array(again("value")),
    fc.dictionary(fc.string(), again("value"), { noNullPrototype: true }),
  ),
})).value;
const inputs: fc.Arbitrary<PropertyMap> = fc.dictionary(fc.stringMatching(/^[a-z]\w*$/), value, {
  noNullPrototype: true,
});

test("There is a change exactly when the inputs differ.", () => {
  fc.assert(
    fc.property(inputs, inputs, (olds, news) => {
      expect(diff(olds, structuredClone(olds))).toEqual([]);
      expect(diff(olds, news).length > 0).toBe(!isDeepStrictEqual(olds, news));
    }),
  );
});

test("Every change starts at a property that differs.", () => {
  fc.assert(
    fc.property(inputs, inputs, (olds, news) => {
      for (const { path } of diff(olds, news)) {
        expect(olds[rootOf(path)]).not.toEqual(news[rootOf(path)]);
      }
    }),
  );
});

test("A change names the leaf and what became of it.", () => {
  const olds = { create: "a", environment: { MODE: "x", "odd.name": "y" }, triggers: [1, 2, [3]] };
  const news = { update: "b", environment: { MODE: "z" }, triggers: [1, 5, [3, 4]] };

  expect(diff(olds, news)).toEqual([
    { path: "create", kind: "delete" },
    { path: "environment.MODE", kind: "update" },
    { path: 'environment["odd.name"]', kind: "delete" },
    { path: "triggers[1]", kind: "update" },
    { path: "triggers[2][1]", kind: "add" },
    { path: "update", kind: "add" },
  ]);
});

test("A secret is one leaf, and differs from the same value in the open.", () => {
  const connection = { host: "a", port: 22 };

  expect(
    diff({ connection: secret(connection) }, { connection: secret({ ...connection, port: 23 }) }),
  ).toEqual([{ path: "connection", kind: "update" }]);
  expect(diff({ connection: secret(connection) }, { connection })).toEqual([
    { path: "connection", kind: "update" },
  ]);
});

test("An asset differs by content, not by where it lies.", () => {
  const asset = (path: string, hash: string) => ({
    "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
    path,
    hash,
  });

  expect(diff({ source: asset("a", "1") }, { source: asset("b", "1") })).toEqual([]);
  expect(diff({ source: asset("a", "1") }, { source: asset("a", "2") })).toEqual([
    { path: "source", kind: "update" },
  ]);
});
