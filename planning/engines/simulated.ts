import type { StackFile } from "../stack-file.ts";
import type { Instance, Topology } from "../topology.ts";
import { npuDevices } from "./devices.ts";
import type { EngineContainer } from "./engine.ts";
import { serverFlags } from "./flags.ts";

type Simulated = Extract<StackFile["engine"], { kind: "simulated" }>;

/**
 * This repository's simulator. `/dev/null` stands behind each device node, so the container has the real list while
 * the host's /dev stays as it is.
 */
export function simulated(
  { startTimeoutSeconds }: Simulated,
  topology: Topology,
  instance: Instance,
  rankTables: Readonly<Record<string, string>>,
): EngineContainer {
  return {
    image: { kind: "source", folder: "simulator" },
    command: [`--role=${instance.role}`, "--check-devices", ...serverFlags(topology, instance)],
    env: { ...rankTables, ...instance.extraEnv },
    devices: npuDevices(instance.npus, () => "/dev/null"),
    mounts: [],
    restricted: true,
    readyPath: "/health",
    startTimeoutSeconds,
    stopTimeoutSeconds: 10,
  };
}
