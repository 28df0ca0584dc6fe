import type { Deployment } from "../stack-file/schema.ts";
import { hostOf, type Instance, type Topology } from "../topology.ts";
import { npuDevices } from "./devices.ts";
import type { EngineContainer } from "./engine-container.ts";
import { serverFlags } from "./flags.ts";

type Simulated = Extract<Deployment["engine"], { kind: "simulated" }>;

/**
 * This repository's simulator. `/dev/null` stands behind each device node, so the container has the real list while
 * the host's /dev stays as it is.
 */
export function simulated(
  { startTimeoutSeconds }: Simulated,
  topology: Topology,
  instance: Instance,
  { NODE_PORTS: _, ...rankTables }: Readonly<Record<string, string>>,
): EngineContainer {
  return {
    image: { kind: "source", folder: "simulator" },
    command: [
      `--role=${instance.role}`,
      "--check-devices",
      ...kvFlags(topology, instance),
      ...serverFlags(topology, instance),
    ],
    env: { ...rankTables, ...instance.extraEnv },
    devices: npuDevices(instance.npus, () => "/dev/null"),
    mounts: [],
    restricted: true,
    readyPath: "/health",
    startTimeoutSeconds,
    stopTimeoutSeconds: 10,
  };
}

/** `/generate` has no room for the parameters by which decode finds KV cache otherwise. */
function kvFlags(topology: Topology, { role }: Instance): string[] {
  if (topology.file.scheduler.useOpenai) return [];
  const prefill = topology.instances.filter((instance) => instance.role === "prefill");
  const peers = prefill.map((instance) => `${hostOf(topology, instance).address}:${instance.port}`);
  return ["--kv-lookup=prompt", ...(role === "decode" ? [`--kv-peers=${peers.join(",")}`] : [])];
}
