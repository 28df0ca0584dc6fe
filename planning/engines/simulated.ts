import type { StackFile } from "../stack-file.ts";
import type { Instance, Topology } from "../topology.ts";
import { npuDevices } from "./devices.ts";
import type { EngineContainer } from "./engine.ts";
import { serverFlags } from "./flags.ts";

type Simulated = Extract<StackFile["engine"], { kind: "simulated" }>;

/**
 * This repository's simulator. `/dev/null` stands behind each device node, so the container has the real list while
 * the host's /dev stays as it is. It has no quantization and no batching policy; a stack file that names them for
 * its real engine can be rehearsed unchanged.
 */
export function simulated(
  { startTimeoutSeconds }: Simulated,
  topology: Topology,
  instance: Instance,
  rankTables: Readonly<Record<string, string>>,
): EngineContainer {
  return {
    image: { kind: "source", folder: "simulator" },
    command: [
      `--role=${instance.role}`,
      ...serverFlags(topology, instance),
      `--served-model-name=${topology.file.model.servedName}`,
      "--check-devices",
    ],
    env: rankTables,
    devices: npuDevices(instance.npus, () => "/dev/null"),
    mounts: [],
    readOnlyRootFs: true,
    readyPath: "/health",
    startTimeoutSeconds,
    stopTimeoutSeconds: 10,
  };
}
