import type { Instance, Topology } from "../topology.ts";
import type { EngineContainer } from "./engine.ts";
import { serverEnv, serverFlags } from "./flags.ts";

/**
 * This repository's scheduler, given what step four of the manual gives to its own, so that either can stand here.
 * It needs no device and no driver.
 */
export function scheduler(
  topology: Topology,
  instance: Instance,
  rankTables: Readonly<Record<string, string>>,
): EngineContainer {
  return {
    image: { kind: "source", folder: "scheduler" },
    command: serverFlags(topology, instance),
    env: serverEnv(topology, instance, rankTables),
    devices: [],
    mounts: [],
    restricted: true,
    readyPath: "/readyz",
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: 60,
  };
}
