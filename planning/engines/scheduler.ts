import { hostOf, type Instance, type Topology } from "../topology.ts";
import type { EngineContainer } from "./engine.ts";
import { nodePorts, serverFlags } from "./flags.ts";

/**
 * This repository's scheduler, given what step four of the manual gives to its own, so that either can stand here.
 * It needs no device and no driver.
 */
export function scheduler(
  topology: Topology,
  instance: Instance,
  rankTables: Readonly<Record<string, string>>,
): EngineContainer {
  const { scheduler } = topology.file;
  const direct = noProxy(topology);
  return {
    image: { kind: "source", folder: "scheduler" },
    command: [...serverFlags(topology, instance), `--prefill-routing-policy=${scheduler.routingPolicy}`],
    env: {
      ...rankTables,
      NODE_PORTS: nodePorts(topology),
      USE_OPENAI: "1",
      no_proxy: direct,
      NO_PROXY: direct,
    },
    devices: [],
    mounts: [],
    restricted: true,
    readyPath: "/readyz",
    startTimeoutSeconds: 60,
    stopTimeoutSeconds: 60,
  };
}

/** Addresses that no proxy may stand before. One by one, since not every client understands address ranges. */
function noProxy(topology: Topology): string {
  const addresses = topology.instances.map((instance) => hostOf(topology, instance).address);
  return [...new Set(["localhost", "127.0.0.1", ...addresses])].join(",");
}
