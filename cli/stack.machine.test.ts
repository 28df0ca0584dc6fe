import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { run } from "../system/programs.ts";
import { runPulumi } from "./pulumi.ts";
import { closeStack, isOpen, openStack } from "./stack.ts";
import { inTemporaryProject, projectStack } from "./testing/pulumi-project.ts";
import { UserError } from "./user-error.ts";

inTemporaryProject();

test("A stack is open from its first opening until it is closed, and its folder goes with it.", async () => {
  const stack = await projectStack("");
  const state = dirname(stack.backend);

  const opened = isOpen("test", state);
  await closeStack(stack);

  expect([opened, isOpen("test", state), isOpen("other", state)]).toEqual([true, false, false]);
  await expect(readFile(`${stack.folder}/Pulumi.test.yaml`)).rejects.toThrow("ENOENT");
});

test("A stack stays on the Docker Engine that it was opened on, until it is closed.", async () => {
  const stack = await projectStack("");
  const state = dirname(stack.backend);
  const elsewhere = { ...process.env, DOCKER_HOST: "unix:///run/elsewhere.sock" };

  const moved = openStack("test", "config: {}\n", state, elsewhere);

  await expect(moved).rejects.toThrow(UserError);
  await expect(moved).rejects.toThrow(
    /^test was brought up on .*, and this .* unix:\/\/\/run\/elsewhere.sock\nfix:/,
  );
  await closeStack(stack);
  expect(await openStack("test", "config: {}\n", state, elsewhere)).toMatchObject({ name: "test" });
});

test("The backend keeps no attributes beside its files: cut off while being written, they end a stack for good.", async () => {
  const stack = await projectStack("");

  await runPulumi(["up", "--yes", "--skip-preview", ...stack.args], stack.env, () => {});

  const files = await readdir(stack.backend, { recursive: true });
  expect(files).toContain(".pulumi/stacks/ascend-pd/test.json");
  expect(files.filter((file) => file.endsWith(".attrs"))).toEqual([]);
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
