import { expect, test } from "vitest";
import { gathering, logLine, MAX_WAITING, Trace } from "./log.ts";
import { Stats } from "./operations/stats.ts";

test("A line says what is known of a request, and nothing of what is not.", () => {
  const trace = new Trace("id-1", "POST", "/v1/completions", new Stats());
  trace.mark("body");
  trace.outcome = "ok";

  const entry = JSON.parse(logLine(trace));

  expect(Object.keys(entry)).toEqual(["time", "id", "method", "path", "ms", "bytes", "events", "outcome"]);
  expect(Object.keys(entry.ms)).toEqual(["body"]);
  expect(new Date(entry.time).toISOString()).toBe(entry.time);
});

test.for(["\u0000", "\n", "\u001b", "\u007f", "\u009b", "\u2028", "\u2029"])(
  "The character %j stands in no line, and is read back out of it.",
  (character) => {
    const line = logLine({ detail: `a${character}b` });

    expect(line).not.toContain(character);
    expect(JSON.parse(line).detail).toBe(`a${character}b`);
  },
);

test("Of a method and a path 200 characters are in the line.", () => {
  const trace = new Trace("id-1", "A".repeat(8000), `/${"x".repeat(16_000)}`, new Stats());

  const { method, path } = JSON.parse(logLine(trace));

  expect([method, path]).toEqual([`${"A".repeat(199)}…`, `/${"x".repeat(198)}…`]);
});

test("A path of 200 characters is in the line as it came.", () => {
  const path = `/${"x".repeat(199)}`;

  const trace = new Trace("id-1", "GET", path, new Stats());

  expect(JSON.parse(logLine(trace)).path).toBe(path);
});

/** Whoever takes lines, one lot at a time, when `next` is called. */
function slowReader() {
  const lots: string[][] = [];
  let gone = () => {};
  const log = gathering((lines, done) => {
    lots.push([...lines]);
    gone = done;
  });
  return { ...log, lots, next: () => gone() };
}

test("Lines that come together are passed on together, in their order.", async () => {
  const { say, lots } = slowReader();

  for (const line of ["a", "b", "c"]) say(line);
  await expect.poll(() => lots.length).toBe(1);

  expect(lots).toEqual([["a", "b", "c"]]);
});

test("While lines are being taken no others are passed on, and those there is no room for are counted.", () => {
  const { say, flush, lots, next } = slowReader();
  const line = "x".repeat(1024);
  const fit = MAX_WAITING / line.length;
  say("first");
  flush();

  for (let i = 0; i < fit + 5; i++) say(line);
  const before = lots.length;
  next();
  next();

  expect(before).toBe(1);
  expect(lots).toHaveLength(2);
  expect(lots[1]?.slice(0, -1)).toEqual(Array(fit).fill(line));
  expect(JSON.parse(lots[1]?.at(-1) ?? "")).toEqual({ time: expect.any(String), lost: 5 });
});

test("When there is room again lines are passed on as before.", async () => {
  const { say, flush, lots, next } = slowReader();
  for (let i = 0; i < 2; i++) say("x".repeat(MAX_WAITING));
  flush();
  next();

  say("later");
  await expect.poll(() => lots.length).toBe(2);

  expect(lots[1]).toEqual(["later"]);
});
