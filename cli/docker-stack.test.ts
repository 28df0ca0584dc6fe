import { writeFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { changedInput, onKubernetes } from "../planning/testing/sample-input.ts";
import { commands } from "./commands.ts";
import { inProjectFolder } from "./testing/run-command.ts";

const folder = inProjectFolder();

afterEach(() => {
  vi.unstubAllEnvs();
});

function writeClusterStack(): void {
  writeFileSync(
    "stacks/Pulumi.cluster.yaml",
    stringify({ config: { "ascend-pd:deployment": changedInput(onKubernetes()) } }),
  );
}

test.each([
  ["ask", ["cluster", "hello"]],
  ["bench", ["--stack", "cluster", "--concurrency", "1"]],
  ["status", ["cluster"]],
  ["doctor", ["cluster"]],
  ["drift", ["cluster"]],
  ["logs", ["cluster"]],
  ["page", ["cluster"]],
  ["scheduler", ["--stack", "cluster", "state"]],
])("%s says that it asks Docker Engines, and how the cluster is asked.", async (name, args) => {
  writeClusterStack();
  const complained = vi.spyOn(console, "error").mockReturnValue();

  const end = await Promise.resolve()
    .then(() => commands[name]?.run(args))
    .catch((error: Error) => error.message);

  // Where exit code 2 says something else, a mistake is told and ends with 1.
  expect([end, ...complained.mock.calls.flat()].join("\n")).toContain(
    "stacks/Pulumi.cluster.yaml: its target is a Kubernetes cluster, and this asks Docker Engines\n" +
      "fix: `ascend-pd render kubernetes cluster` writes what the cluster takes; ask the cluster itself: " +
      "`kubectl --namespace pd get pods --selector ascend-pd.stack=cluster`",
  );
});

test("Of all stacks that Pulumi knows, status leaves out one on a cluster.", async () => {
  writeClusterStack();
  writeFileSync("pulumi", `#!/bin/sh\necho '[{"name":"cluster"}]'\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${folder()}:${process.env.PATH}`);
  // No demo of this machine counts.
  vi.stubEnv("ASCEND_PD_STATE", folder());
  const printed = vi.spyOn(console, "log").mockReturnValue();
  const complained = vi.spyOn(console, "error").mockReturnValue();

  const code = await commands.status?.run(["--json"]);

  expect([code, printed.mock.calls.flat().at(-1)]).toEqual([0, "[]"]);
  expect(complained.mock.calls.flat()).toContain(
    "note: cluster is on a Kubernetes cluster, so it is left out: ask the cluster itself",
  );
});
