import { vi } from "vitest";
import { type RunResult, tryRun } from "../../system/programs.ts";
import type { ProbeArguments } from "../probes/arguments.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** Runs a probe as `pulumi up` does: a process of its own, told what to do by PROBE. */
export function runProbe<Name extends keyof ProbeArguments>(
  name: Name,
  args: ProbeArguments[Name],
  input = "",
  /** What it printed when it ran for this resource before. */
  before = "",
): Promise<RunResult> {
  return tryRun(process.execPath, [`components/probes/${name}.ts`], {
    env: { ...process.env, PROBE: JSON.stringify(args), PULUMI_COMMAND_STDOUT: before },
    input,
  });
}
