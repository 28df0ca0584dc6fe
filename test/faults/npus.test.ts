import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runPulumi } from "../../cli/pulumi.ts";
import { inTemporaryProject, projectStack } from "../../cli/testing/pulumi-project.ts";
import type { ContainerPlan } from "../../planning/plan.ts";
import { expectFailure, up } from "../testing/faults.ts";
import {
  containersOf,
  inspectContainer,
  simulated1p1d,
  type TestStack,
  testStack,
} from "../testing/stacks.ts";

// What an Ascend host can lack, up to the last thing that can be tried where there are no NPUs.
describe.skipIf(existsSync("/dev/davinci4"))("A machine without NPUs", () => {
  const name = "faults-npus";
  let stack: TestStack;

  beforeAll(async () => {
    stack = await testStack(name);
  });
  afterAll(() => stack.dispose());

  test("is refused as an Ascend host, with every node that it lacks, and nothing is started.", async () => {
    const workDir = { source: "/data/models", target: "/data/models" };
    const deviceIps = Object.fromEntries([4, 5, 6, 7].map((npu) => [npu, `29.0.0.${npu}`]));
    const base = simulated1p1d(18580);
    await stack.configure({
      ...base,
      engine: { kind: "ascendcloud", image: "ascendcloud-llm:1", workDir },
      model: { ...base.model, path: "/data/models/test" },
      hosts: { local: { address: "127.0.0.1", deviceIps } },
    });

    const failed = await up(stack);

    expectFailure(failed, "local", "/dev/davinci4", "/dev/davinci_manager", "fix: ");
    expect(await containersOf(name)).toEqual([]);
  });
});

describe("A source of a mount", () => {
  inTemporaryProject();
  const name = `ascend-pd-mount-${process.pid}`;
  const container = resolve("components/container.ts");

  test("That is missing stops its container and is not made; once it is there, up converges.", async () => {
    const source = resolve("weights");
    const plan: ContainerPlan = {
      name,
      role: "decode",
      host: "local",
      image: { kind: "reference", name: process.env.ASCEND_PD_NODE_IMAGE ?? "" },
      command: ["node", "-e", "setInterval(() => {}, 1000)"],
      env: {},
      npus: [],
      devices: [],
      mounts: [{ source, target: "/data", readOnly: true }],
      files: [],
      restricted: true,
      port: 18585,
      readyPath: "/",
      startTimeoutSeconds: 1,
      stopTimeoutSeconds: 1,
    };
    const stack = await projectStack(
      `import { createContainer } from "${container}";
       createContainer(${JSON.stringify(plan)}, "${process.env.ASCEND_PD_NODE_IMAGE}", "test", {});`,
    );
    const pulumi = (command: string) =>
      runPulumi([command, "--yes", "--skip-preview", ...stack.args], stack.env, () => {});

    const failed = await pulumi("up");
    const isMade = existsSync(source);
    mkdirSync(source);
    const mended = await pulumi("up");
    const again = await pulumi("up");
    const { State } = await inspectContainer(name);
    await pulumi("destroy");

    expect(failed.errors.join("\n")).toContain(`bind source path does not exist: ${source}`);
    expect([failed.code, isMade]).toEqual([1, false]);
    expect([mended.code, State.Running]).toEqual([0, true]);
    expect(Object.keys(again.changes)).toEqual(["same"]);
  });
});
