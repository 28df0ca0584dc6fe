import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test.each([
  ["2p2d", "is for Ascend hosts"],
  ["k8s-sim-1p1d", "is for a Kubernetes cluster"],
])("The demo refuses %s before it obtains anything, and names the stacks that it runs.", (stack, why) => {
  const { status, stderr } = spawnSync(process.execPath, ["cli/demo/main.ts", "--stack", stack], {
    encoding: "utf8",
  });

  expect(status).toBe(2);
  expect(stderr).toContain(why);
  expect(stderr).toContain("sim-1p1d, sim-2p2d-four-hosts, sim-2p2d, vllm-cpu-1p1d\nfix: ");
});
