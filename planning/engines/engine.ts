import type { Instance, Topology } from "../topology.ts";
import { ascendcloud } from "./ascendcloud.ts";
import type { EngineContainer } from "./engine-container.ts";
import { scheduler } from "./scheduler.ts";
import { simulated } from "./simulated.ts";

/** What to run for `instance`; `rankTables` are the environment variables that name its two rank tables. */
export function engineContainer(
  topology: Topology,
  instance: Instance,
  rankTables: Readonly<Record<string, string>>,
): EngineContainer {
  const {
    engine,
    scheduler: { runtime },
  } = topology.file;
  if (instance.role === "scheduler" && runtime === "ascend-pd")
    return scheduler(topology, instance, rankTables);
  switch (engine.kind) {
    case "ascendcloud":
      return ascendcloud(engine, topology, instance, rankTables);
    case "simulated":
      return simulated(engine, topology, instance, rankTables);
  }
}
