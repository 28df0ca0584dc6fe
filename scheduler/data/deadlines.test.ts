import { expect, onTestFinished, test } from "vitest";
import { Deadlines } from "./deadlines.ts";

function deadlines(): Deadlines {
  const all = new Deadlines();
  onTestFinished(() => all.close());
  return all;
}

/** Resolves when a deadline that was armed after the others has expired: theirs were due before. */
const later = (all: Deadlines, ms: number) => new Promise<void>((resolve) => all.arm(ms, resolve));

test("A deadline expires once.", async () => {
  const all = deadlines();
  let times = 0;
  all.arm(1, () => times++);

  await later(all, 10);
  await later(all, 10);

  expect(times).toBe(1);
  expect(all.size).toBe(0);
});

test("A cleared deadline does not expire, an extended one not before its new time.", async () => {
  const all = deadlines();
  const expired: string[] = [];
  all.arm(1, () => expired.push("cleared")).clear();
  const extended = all.arm(1, () => expired.push("extended"));
  extended.extend(600_000);

  await later(all, 100);

  expect(expired).toEqual([]);
  expect(all.size).toBe(1);
});

test("A deadline can be extended when it has expired, and before it was ever armed.", async () => {
  const all = deadlines();
  let times = 0;
  const deadline = all.unarmed(() => times++);

  deadline.extend(1);
  await later(all, 10);
  deadline.extend(1);
  await later(all, 10);

  expect(times).toBe(2);
});
