import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { type ResourceStep, runPulumi } from "./pulumi.ts";
import type { LocalStack } from "./stack.ts";
import { inTemporaryProject, projectStack } from "./testing/pulumi-project.ts";

inTemporaryProject();

const program = `new pulumi.ComponentResource("test:index:Thing", "a-thing");`;

async function up(stack: LocalStack, env = stack.env) {
  const steps: ResourceStep[] = [];
  const run = await runPulumi(["up", "--yes", "--skip-preview", ...stack.args], env, (step) =>
    steps.push(step),
  );
  const ofThing = steps.filter(({ type }) => type === "test:index:Thing");
  return { run, steps: ofThing.map(({ op, name, state }) => `${state} ${op} ${name}`) };
}

test("Steps are reported with operation and name, and the changes are counted.", async () => {
  const stack = await projectStack(program);

  const { run, steps } = await up(stack);

  expect(steps).toEqual(["started create a-thing", "done create a-thing"]);
  expect(run).toEqual({ code: 0, changes: { create: 2 }, errors: [] });
});

test("A second run changes nothing, and says so in the changes.", async () => {
  const stack = await projectStack(program);
  await up(stack);

  const { run } = await up(stack);

  expect(run).toEqual({ code: 0, changes: { same: 2 }, errors: [] });
});

test("A program that refuses its configuration fails with its message, without colours or stack.", async () => {
  const stack = await projectStack('throw new pulumi.RunError("2 problems\\n  PD102 decode[0]");');

  const { run } = await up(stack, { ...stack.env, PULUMI_OPTION_COLOR: "always" });

  expect(run.code).not.toBe(0);
  expect(run.errors).toEqual(["2 problems\n  PD102 decode[0]"]);
});

test("A resource that fails is reported as failed, with the provider's message.", async () => {
  const stack = await projectStack(
    `import * as command from "@pulumi/command";
     new command.local.Command("gate", { create: "echo not ready >&2; exit 3" });`,
  );
  const states: string[] = [];

  const { code, errors } = await runPulumi(
    ["up", "--yes", "--skip-preview", ...stack.args],
    stack.env,
    ({ name, state }) => states.push(`${state} ${name}`),
  );

  expect(states).toContain("failed gate");
  expect(errors.join("\n")).toContain("not ready");
  expect(code).not.toBe(0);
});

test("What pulumi refuses before the engine runs is told in its words.", async () => {
  const stack = await projectStack(program);

  const run = await runPulumi(["up", "--no-such-flag"], stack.env, () => {});

  expect(run.code).not.toBe(0);
  expect(run.errors.join("\n")).toContain("no-such-flag");
});

test("A request to end reaches pulumi, which gives its lock back.", async () => {
  const stack = await projectStack(
    `import * as command from "@pulumi/command";
     new command.local.Command("gate", { create: "exec sleep 300" });`,
  );

  const { code } = await runPulumi(
    ["up", "--yes", "--skip-preview", ...stack.args],
    stack.env,
    ({ name, state }) => name === "gate" && state === "started" && process.emit("SIGTERM"),
  );

  expect(code).not.toBe(0);
  expect(await readdir(`${stack.backend}/.pulumi/locks/organization/ascend-pd/test`)).toEqual([]);
});

test("A missing pulumi is an error, not a crash.", async () => {
  const { code, errors } = await runPulumi(["up"], { PATH: "/nowhere" }, () => {});

  expect(code).not.toBe(0);
  expect(errors).toEqual(["spawn pulumi ENOENT"]);
});
