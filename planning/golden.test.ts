import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { plan as makePlan } from "./make-plan.ts";

// What `ascend-pd plan STACK --json` prints for every stack of stacks/, to be read as a diff in a review.
// `npm run golden` writes them anew.

const stacks = readdirSync("stacks").flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);

test.each(stacks)("The Plan of %s is the recorded one.", async (stack) => {
  const file = parse(readFileSync(`stacks/Pulumi.${stack}.yaml`, "utf8"));

  const result = makePlan(stack, file.config["ascend-pd:deployment"]);

  expect(result).toHaveProperty("plan");
  await expect(`${JSON.stringify(result, undefined, 2)}\n`).toMatchFileSnapshot(
    `../test/golden/${stack}.plan.json`,
  );
});

test("There is no recorded Plan without its stack.", () => {
  expect(stacks.map((stack) => `${stack}.plan.json`)).toEqual(
    expect.arrayContaining(readdirSync("test/golden")),
  );
});
