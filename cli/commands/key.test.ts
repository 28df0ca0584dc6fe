import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { keyLine } from "../../planning/credentials/api-key.ts";
import { findCommand } from "../command.ts";
import { keepConsole, printed } from "../testing/run-command.ts";
import { key } from "./key.ts";

keepConsole();

async function run(...args: string[]): Promise<number | undefined> {
  const found = findCommand({ key }, ["key", ...args]);
  return found?.[0].run(found[1]);
}

test("A new key is printed once, and beside it its line for the file, which does not have it.", async () => {
  expect(await run("new", "alice")).toBe(0);

  const made = printed("log");
  const hash = createHash("sha256").update(made).digest("hex");
  expect(made).toMatch(/^sk-[\w-]{43}$/);
  expect(printed("error")).toBe(`alice sha256:${hash}`);
});

test("No two keys are the same, and --json has what a program needs.", async () => {
  await run("new", "gateway", "--trusted", "--json");
  const [first] = [JSON.parse(printed("log"))];
  await run("new", "gateway");

  expect(first).toEqual({
    name: "gateway",
    key: expect.any(String),
    line: expect.stringMatching(/ trusted$/),
  });
  expect(printed("log").match(/sk-[\w-]{43}/g)?.[0]).not.toBe(printed("log").match(/sk-[\w-]{43}/g)?.[1]);
});

test("A key's share and priority stand in its line, which a stack file takes.", async () => {
  await run("new", "gateway", "--trusted", "--share=4", "--priority=-1", "--json");

  const { line } = JSON.parse(printed("log"));
  expect(line).toMatch(/ trusted share=4 priority=-1$/);
  expect(line).toMatch(keyLine);
});

test.each([
  [["new", "a", "--share=0"], "--share is 0\nfix: give a whole number, 1 to 999"],
  [["new", "a", "--priority=high"], "--priority is high\nfix: give a whole number, -999 to 999"],
  [["new"], "NAME is missing"],
  [["new", "a b"], "a b is no name of a client's key\nfix: "],
  [["new", "operator"], "operator is no name of a client's key\nfix: "],
  [["new", "-x"], "--help shows what there is"],
  [[], "what about keys?\nfix: ascend-pd key new NAME"],
])("%j is refused.", async (args, complaint) => {
  await expect((async () => run(...args))()).rejects.toThrow(complaint);
});
