import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../system/programs.ts";
import { inTemporaryProject, projectStack } from "../testing/pulumi-project.ts";
import { knownStacks } from "./known-stacks.ts";

inTemporaryProject();

test("A stack is known that has a state in Pulumi's backend, or in the demo's, and no other.", async () => {
  const { env } = await projectStack("", "demonstrated");
  await run("pulumi", ["stack", "init", "deployed"], { env });
  const demo = { ...env, ASCEND_PD_STATE: join(process.cwd(), "state") };
  const elsewhere = { ...env, ASCEND_PD_STATE: join(process.cwd(), "none") };
  const names = ["deployed", "demonstrated", "example"];

  expect(await knownStacks(names, demo)).toEqual(["deployed", "demonstrated"]);
  expect(await knownStacks(["deployed", "example"], elsewhere)).toEqual(["deployed"]);
  // Without a backend that answers the demo's are known all the same.
  const lost = { PULUMI_BACKEND_URL: "file:///nowhere/at/all" };
  expect(await knownStacks(names, { ...demo, ...lost })).toEqual(["demonstrated"]);
  await expect(knownStacks(names, { ...elsewhere, ...lost })).rejects.toThrow(
    "pulumi cannot say which stacks there are",
  );
});
