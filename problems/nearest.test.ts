import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test.each([
  ["prefil", "prefill"],
  ["Prefill", "prefill"],
  ["devies", "devices"],
  ["pefrill", "prefill"],
  ["ports", "port"],
])("%s means %s.", (word, meant) => {
  expect(nearest(word, ["port", "prefill", "devices"])).toBe(meant);
});

test.each(["x", "hosts", "portal-of-hell", ""])("%j means none of them.", (word) => {
  expect(nearest(word, ["port", "prefill", "devices"])).toBeUndefined();
});

test("A word with one letter lost, or two neighbours swapped, means what it was.", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcdefghij"), minLength: 3, maxLength: 12 });
  fc.assert(
    fc.property(word, fc.nat(), (written, place) => {
      const index = place % (written.length - 1);
      const lost = written.slice(0, index) + written.slice(index + 1);
      const swapped =
        written.slice(0, index) + written[index + 1] + written[index] + written.slice(index + 2);

      expect(nearest(lost, [written])).toBe(written);
      expect(nearest(swapped, [written])).toBe(written);
    }),
  );
});
