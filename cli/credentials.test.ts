import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { sampleInput } from "../planning/testing/sample-input.ts";
import type { Command } from "./command.ts";
import { diff } from "./commands/diff.ts";
import { doctor } from "./commands/doctor.ts";
import { drift } from "./commands/drift.ts";
import { graph } from "./commands/graph.ts";
import { plan } from "./commands/plan.ts";
import { render } from "./commands/render.ts";
import { scheduler } from "./commands/scheduler.ts";
import { inProjectFolder, keepConsole, printed } from "./testing/run-command.ts";
import { UserError } from "./user-error.ts";

inProjectFolder();
keepConsole();

/** A stack file with a password in a Docker endpoint and a key among the arguments. */
function writeLeakyStack(): void {
  const input = sampleInput();
  input.hosts["host-a"].docker = "ssh://root:hunter2@10.0.0.18";
  const deployment = { ...input, engine: { ...input.engine, extraArgs: ["--api-key", "hunter2"] } };
  writeFileSync("stacks/Pulumi.leaky.yaml", stringify({ config: { "ascend-pd:deployment": deployment } }));
}

/** All that `command` says, and its exit code. */
async function said(command: Command, args: readonly string[]) {
  try {
    const code = await command.run(args);
    return { code, text: printed("log") + printed("error") };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { code: 2, text: error.message };
  }
}

test.each<[name: string, command: Command, ...args: string[]]>([
  ["plan", plan, "leaky"],
  ["plan --json", plan, "leaky", "--json"],
  ["doctor", doctor, "leaky"],
  ["drift", drift, "leaky"],
  ["graph", graph, "leaky"],
  ["render docker-run", render, "docker-run", "leaky"],
  ["render compose", render, "compose", "leaky"],
  ["scheduler state", scheduler, "state", "--stack", "leaky"],
])("%s refuses a stack file with credentials, and prints none.", async (_, command, ...args) => {
  writeLeakyStack();

  const { code, text } = await said(command, args);

  expect(text).toContain("PD013");
  expect(text).toContain("PD014");
  expect(text).not.toContain("hunter2");
  expect(code).not.toBe(0);
});

test.each([
  ["ssh://root@10.0.0.18", "ssh://root:hunter2@10.0.0.18"],
  ["ssh://root@10.0.0.18", "ssh://root%3Ahunter2@10.0.0.18"],
  ["--port=8088", "--api-k=hunter2"],
])("diff shows none of a Plan that was recorded with %s as %s.", async (from, to) => {
  await plan.run(["2p2d", "--json"]);
  writeFileSync("old.json", printed("log"));
  writeFileSync("new.json", printed("log").replace(from, to));

  const { code, text } = await said(diff, ["old.json", "new.json"]);

  expect(text).toContain("[secret]");
  expect(text).not.toContain("hunter2");
  expect(code).toBe(2);
});
