import { expect, test } from "vitest";
import { type Identity, predecessors } from "./predecessors.ts";

const one = (name: string, changes: Partial<Identity> = {}): Identity => ({
  ...{ name, role: "prefill", host: "a", npus: [0, 1], port: 8088, ...changes },
});

/** One over two hosts: its head as `one` has it, and a member. */
const wide = (name: string, npus: readonly number[], changes: Partial<Identity> = {}): Identity[] => [
  one(name, { member: { index: 0, of: name }, ...changes }),
  one(`${name}-member-1`, { host: "b", npus, port: 61_000, member: { index: 1, of: name } }),
];

test.each<[string, Identity[], Identity[], Record<string, string>]>([
  ["called otherwise", [one("x")], [one("y")], { y: "x" }],
  ["called otherwise, with another port", [one("x")], [one("y", { port: 1 })], { y: "x" }],
  ["called otherwise, with one NPU that it had", [one("x")], [one("y", { port: 1, npus: [1] })], { y: "x" }],
  ["called otherwise, without NPUs", [one("x", { npus: [] })], [one("y", { npus: [] })], { y: "x" }],
  ["of the other role", [one("x")], [one("x", { role: "decode" })], { x: "x" }],
  ["called otherwise and of the other role", [one("x")], [one("y", { role: "decode" })], { y: "x" }],
  ["moved", [one("x")], [one("x", { host: "b", npus: [4], port: 1 })], {}],
  ["another one beside", [one("x")], [one("x"), one("y", { npus: [2], port: 1 })], {}],
  ["another one in place of one that is elsewhere", [one("x")], [one("y", { host: "b" })], {}],
  ["another one on what one has that moves", [one("x")], [one("x", { npus: [4] }), one("y")], {}],
  ["two that want what one had", [one("x")], [one("y", { port: 1 }), one("z", { npus: [4] })], {}],
  ["over two hosts, called otherwise", wide("x", [0]), wide("y", [0]), { y: "x" }],
  ["over two hosts, with a member's NPU", wide("x", [0]), [one("y", { host: "b", npus: [0] })], { y: "x" }],
  ["over two hosts, on other hosts", wide("x", [0]), [one("y", { host: "c" })], {}],
  ["over two hosts, then over one", wide("x", [0]), [one("x")], {}],
  ["a scheduler where an instance was", [one("x")], [one("s", { role: "scheduler", npus: [] })], {}],
])("%s: it succeeds whom it replaces, and nobody else.", (_, before, now, expected) => {
  const found = [...predecessors(before, now)].map(([name, former]) => [name, former.name]);

  expect(Object.fromEntries(found)).toEqual(expected);
});
