import { expect, test } from "vitest";
import { parseKeys } from "../../scheduler/trust/key-file.ts";
import { plan } from "../make-plan.ts";
import { changedInput } from "../testing/sample-input.ts";
import { keyLineOf } from "./api-key.ts";

const problemsOf = (lines: readonly string[]) => {
  const result = plan("2p2d", changedInput({ "scheduler.apiKeys": lines }));
  return "problems" in result ? result.problems.map(({ path, message }) => `${path} ${message}`) : [];
};
const refusedByScheduler = (lines: readonly string[]) =>
  "problems" in parseKeys(lines.map((line) => `${line}\n`).join(""));

const alice = (key: string, ...words: string[]) => keyLineOf("alice", words, key);
const bob = (key: string, ...words: string[]) => keyLineOf("bob", words, key);

test.each([
  [[alice("a"), alice("b", "trusted"), bob("c", "share=3", "priority=-2")]],
  [[alice("a", "share=2"), alice("b", "trusted", "share=2"), bob("c", "share=3")]],
  [[alice("a"), alice("b", "share=1", "priority=0")]],
])("The keys %j are taken, by the planner and by the scheduler.", (lines) => {
  expect(problemsOf(lines)).toEqual([]);
  expect(refusedByScheduler(lines)).toBe(false);
});

test.each([
  ["of two shares", [alice("a"), alice("b", "share=2")], "has keys of one name with different shares"],
  ["of two priorities", [alice("a", "priority=1"), alice("b")], "has keys of one name with different shares"],
  ["that is there twice", [alice("a"), bob("a")], "has a key twice"],
])("A name or key %s is refused before the scheduler refuses it.", (_, lines, message) => {
  expect(problemsOf(lines)).toEqual([expect.stringContaining(message)]);
  expect(refusedByScheduler(lines)).toBe(true);
});
