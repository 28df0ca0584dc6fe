import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { plan as makePlan } from "../planning/make-plan.ts";
import { planJson } from "./plan-json.ts";
import { readStackFile, stackNames } from "./stack-file.ts";

// What `ascend-pd plan STACK --json` prints for every stack of stacks/, to be read as a diff in a review.
// `npm run golden` writes them anew.

test.each(stackNames())("The Plan of %s is the recorded one.", async (stack) => {
  const result = makePlan(stack, readStackFile(stack).deployment);

  expect(result).toHaveProperty("plan");
  await expect(`${planJson(result)}\n`).toMatchFileSnapshot(`../test/golden/${stack}.plan.json`);
});

test("No Plan is recorded without its stack.", () => {
  const ofStacks = stackNames().map((stack) => `${stack}.plan.json`);

  expect(readdirSync("test/golden").filter((file) => !ofStacks.includes(file))).toEqual([]);
});
