import { expect, test } from "vitest";
import { knownAs } from "./of-stack.ts";

// An instance of stack `a` may be called `a-long`.
const scheduler = {
  stack: "a",
  addresses: new Map([
    ["a-decode-0", "10.0.0.18:8089"],
    ["a-a-long", "10.0.0.19:8089"],
  ]),
};

test.each([
  ["a-decode-0", "10.0.0.18:8089"],
  ["decode-0", "10.0.0.18:8089"],
  ["a-a-long", "10.0.0.19:8089"],
  ["a-long", "10.0.0.19:8089"],
  ["10.0.0.18:8089", "10.0.0.18:8089"],
  ["a-decode-O", "decode-O"],
  ["decode-2", "decode-2"],
])("%s is asked for as %s.", (name, known) => {
  expect(knownAs(scheduler, name)).toBe(known);
});
