import type { ContainerPlan } from "../plan.ts";

/** What is particular to the software in a container. */
export type EngineContainer = Omit<
  ContainerPlan,
  "name" | "role" | "host" | "npus" | "secretEnv" | "files" | "port"
>;
