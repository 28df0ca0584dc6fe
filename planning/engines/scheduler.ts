import type { Instance, Topology } from "../topology.ts";
import type { EngineContainer } from "./engine-container.ts";
import { flagsIn, serverEnv, serverFlags } from "./flags.ts";

/** On the memory file system of its own that Docker gives each container: nothing on the host leads there. */
export const adminSocket = "/dev/shm/ascend-pd-admin.sock";

/**
 * This repository's scheduler, given what step four of the manual gives to its own, so that either can stand here; but
 * nothing that changes with the instances, so that its container stays: it asks them directly, whatever the proxy.
 * It needs no device and no driver. The manual's engine is of the vLLM 0.6.3 line, which knows no `kv_transfer_params`;
 * for an image that does, the stack file's own `--handoff=kv-params` comes last and counts.
 */
export function scheduler(
  topology: Topology,
  instance: Instance,
  tables: Readonly<Record<string, string>>,
): EngineContainer {
  const handoff = topology.file.engine.kind === "ascendcloud" ? ["--handoff=plain"] : [];
  return {
    image: { kind: "source", folder: "scheduler" },
    command: [`--admin-socket=${adminSocket}`, ...handoff, ...serverFlags(topology, instance)],
    env: serverEnv(topology, instance, tables),
    devices: [],
    mounts: [],
    restricted: true,
    readyPath: "/readyz",
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: Math.ceil(drainSeconds(instance)) + 10,
  };
}

/** How long it may drain when it is stopped: its own default, and for what it refuses to start with. */
function drainSeconds({ extraArgs }: Instance): number {
  const seconds = Number(flagsIn(extraArgs).findLast(({ name }) => name === "drain-timeout")?.value);
  return seconds > 0 && seconds <= 86_400 ? seconds : 50;
}
