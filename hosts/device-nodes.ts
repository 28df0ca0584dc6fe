import { readKinds, readSections } from "../host-checks/facts.ts";
import { kindsScript } from "../host-checks/script.ts";
import type { HostPlan } from "../planning/plan.ts";
import { engineOf } from "./engine.ts";
import { runScript } from "./script.ts";

/** Those of `paths` that are no character devices on the host. */
export async function missingDeviceNodes(host: HostPlan, paths: readonly string[]): Promise<string[]> {
  const { output, failure = "its answer was cut off" } = await runScript(engineOf(host), kindsScript(paths));
  const kinds = readKinds(readSections(output).get("nodes") ?? { unreadable: failure }, paths);
  return paths.filter((path) => {
    const kind = kinds.get(path) ?? { unreadable: failure };
    if ("value" in kind) return kind.value !== "device";
    throw new Error(`${host.name}: what stands at ${path} cannot be seen: ${kind.unreadable}`);
  });
}
