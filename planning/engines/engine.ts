import type { ContainerPlan } from "../plan.ts";
import type { Instance, Topology } from "../topology.ts";
import { ascendcloud } from "./ascendcloud.ts";
import { scheduler } from "./scheduler.ts";
import { simulated } from "./simulated.ts";

/** What is particular to the software in a container. */
export type EngineContainer = Omit<
  ContainerPlan,
  "name" | "role" | "host" | "npus" | "secretEnv" | "files" | "port"
>;

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
