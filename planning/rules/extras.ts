import type { Instance } from "../layout.ts";
import type { Topology } from "../topology.ts";

/** Every place that adds arguments and variables to what is derived. */
export function declaredExtras({ engine, file: { prefill, decode, scheduler } }: Topology) {
  const noSecrets = { secretEnv: [] as readonly string[] };
  return [
    { path: "engine", ...engine.extras },
    ...prefill.map((instance, index) => ({ path: `prefill[${index}]`, ...instance, ...noSecrets })),
    ...decode.map((instance, index) => ({ path: `decode[${index}]`, ...instance, ...noSecrets })),
    { path: "scheduler", ...scheduler },
  ];
}

/** The instances whose containers get what the stack file adds at `path`. */
export function reachedFrom({ instances }: Topology, path: string): Instance[] {
  return instances.filter(({ role, ...instance }) =>
    path === "engine" ? role !== "scheduler" : instance.path === path,
  );
}
