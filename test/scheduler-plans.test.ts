import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readStackFile, stackNames } from "../cli/stack-file.ts";
import { plan as makePlan } from "../planning/make-plan.ts";
import { readConfig } from "../scheduler/config/config.ts";

/** How the scheduler reads what the Plan of a deployment starts it with. */
function schedulersReading(stack: string, deployment: unknown) {
  const folder = mkdtempSync(join(tmpdir(), "ascend-pd-plans-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const planned = makePlan(stack, deployment);
  if ("problems" in planned) throw new Error(JSON.stringify(planned.problems));
  const { command = [], env = {}, files = [] } = planned.plan.containers.at(-1) ?? {};
  for (const { path, content } of files) writeFileSync(join(folder, basename(path)), content);
  const here = Object.entries(env).map(([name, value]) => [name, value.replace("/etc/ascend-pd", folder)]);
  return readConfig(command, Object.fromEntries(here));
}

test.each(stackNames())("The scheduler takes all that the Plan of %s gives it.", (stack) => {
  const reading = schedulersReading(stack, readStackFile(stack).deployment);

  expect(reading).toMatchObject({ kind: "config" });
});

test("What vllm-ascend's image can, and how long it keeps KV, reaches the scheduler.", () => {
  const { deployment } = readStackFile("vllm-ascend-1p1d");
  const { engine, ...rest } = Object(deployment);
  const image = "quay.io/ascend/vllm-ascend:v0.26.0rc1";
  const extraEnv = { VLLM_MOONCAKE_ABORT_REQUEST_TIMEOUT: "60" };

  const given = schedulersReading("s", { ...rest, engine: { ...engine, image, extraEnv } });

  const unchanged = schedulersReading("s", deployment);
  const handoff = "MooncakeConnectorV1";
  expect(given).toMatchObject({ config: { handoff, kvLeaseMs: 60_000, kvRelease: "reject" } });
  expect(unchanged).toMatchObject({ config: { handoff, kvLeaseMs: 480_000, kvRelease: "none" } });
});
