import type { Instance, Topology } from "../topology.ts";
import { ascendcloud } from "./ascendcloud.ts";
import type { EngineContainer } from "./engine-container.ts";
import { scheduler } from "./scheduler.ts";
import { simulated } from "./simulated.ts";

/** What to run for `instance`; `tables` are the environment variables that name its rank tables and the ports. */
export function engineContainer(
  topology: Topology,
  instance: Instance,
  tables: Readonly<Record<string, string>>,
): EngineContainer {
  const {
    engine,
    scheduler: { runtime },
  } = topology.file;
  if (instance.role === "scheduler" && runtime === "ascend-pd") return scheduler(topology, instance, tables);
  switch (engine.kind) {
    case "ascendcloud":
      return ascendcloud(engine, topology, instance, tables);
    case "simulated":
      return simulated(engine, topology, instance, tables);
  }
}
