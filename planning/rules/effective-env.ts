import type { Instance } from "../layout.ts";
import type { Topology } from "../topology.ts";
import { declaredExtras } from "./extras.ts";

/** A variable that the stack file sets, as it reaches one container. */
export interface SetVariable {
  readonly name: string;
  readonly value: string;
  /** Where the stack file sets it: `engine.extraEnv.HCCL_IF_IP`. */
  readonly path: string;
  readonly instance: Instance;
  readonly host: Topology["hosts"][number];
}

/** Every variable of every container that `extraEnv` sets and the engine does not derive; an instance's own one counts. */
export function setVariables(topology: Topology): SetVariable[] {
  const hosts = new Map(topology.hosts.map((host) => [host.name, host]));
  const own = new Map(declaredExtras(topology).map(({ path, extraEnv }) => [path, extraEnv]));
  return topology.instances.flatMap((instance) => {
    const host = hosts.get(instance.host);
    if (host === undefined) return [];
    return Object.entries(instance.extraEnv)
      .filter(([name]) => !(name in topology.engine.derived.env))
      .map(([name, value]) => {
        const place = own.get(instance.path)?.[name] === undefined ? "engine" : instance.path;
        return { name, value, path: `${place}.extraEnv.${name}`, instance, host };
      });
  });
}

/** Of findings at one place the first: what the engine's variables do to one instance they do to all of its host. */
export const oncePerPlace = <T extends { readonly path: string }>(findings: readonly T[]): T[] =>
  [...new Map(findings.toReversed().map((finding) => [finding.path, finding])).values()].toReversed();
