import { writeFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { changedInput, onKubernetes } from "../planning/testing/sample-input.ts";
import { commands } from "./commands.ts";
import { inProjectFolder } from "./testing/run-command.ts";

inProjectFolder();

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
  writeFileSync(
    "stacks/Pulumi.cluster.yaml",
    stringify({ config: { "ascend-pd:deployment": changedInput(onKubernetes()) } }),
  );

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
