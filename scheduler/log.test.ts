import { expect, test } from "vitest";
import { logLine, Trace } from "./log.ts";
import { Stats } from "./operations/stats.ts";

test("a line says what is known of a request, and nothing of what is not", () => {
  const trace = new Trace("id-1", "POST", "/v1/completions", new Stats());
  trace.mark("body");
  trace.outcome = "ok";

  const entry = JSON.parse(logLine(trace));

  expect(Object.keys(entry)).toEqual(["time", "id", "method", "path", "ms", "bytes", "events", "outcome"]);
  expect(Object.keys(entry.ms)).toEqual(["body"]);
  expect(new Date(entry.time).toISOString()).toBe(entry.time);
});

test.for(["\u0000", "\n", "\u001b", "\u007f", "\u009b", "\u2028", "\u2029"])(
  "the character %j stands in no line, and is read back out of it",
  (character) => {
    const line = logLine({ detail: `a${character}b` });

    expect(line).not.toContain(character);
    expect(JSON.parse(line).detail).toBe(`a${character}b`);
  },
);
