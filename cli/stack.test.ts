import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { run } from "../toolchain/context.ts";
import { runPulumi } from "./pulumi.ts";
import { closeStack, isOpen, openStack } from "./stack.ts";
import { inTemporaryProject, projectStack } from "./test-support.ts";

inTemporaryProject();

test("A stack is open from its first opening until it is closed, and its folder goes with it.", async () => {
  const stack = await projectStack("");
  const state = dirname(stack.backend);

  const opened = isOpen("test", state);
  await closeStack(stack);

  expect([opened, isOpen("test", state), isOpen("other", state)]).toEqual([true, false, false]);
  await expect(readFile(`${stack.folder}/Pulumi.test.yaml`)).rejects.toThrow("ENOENT");
});

test("A stack that is opened again has the new configuration and can still read its secrets.", async () => {
  const stack = await projectStack(`export const secret = pulumi.secret("kept");`);
  const state = dirname(stack.backend);
  const first = await runPulumi(["up", "--yes", "--skip-preview", ...stack.args], stack.env, () => {});

  const again = await openStack("test", "config:\n  ascend-pd:a: new\n", state, process.env);

  const output = ["stack", "output", "--show-secrets", "secret", "--stack", "test"];
  const config = ["config", "get", "a", ...again.args];
  expect(first.code).toBe(0);
  expect(await run("pulumi", output, { env: again.env })).toBe("kept\n");
  expect(await run("pulumi", config, { env: again.env })).toBe("new\n");
});
