import type { Role } from "./instances.ts";
import type { Cost, Policy } from "./policy.ts";
import { unitsOf } from "./prefixes.ts";

const BYTES_PER_TOKEN = 4;
/**
 * What a request costs besides its tokens. Prefill runs a step for each, decode computes a token of each in every step; how
 * much that is depends on model and NPU, and decides only among prompts that are about as long.
 */
const REQUEST_UNITS: Readonly<Record<Role, number>> = {
  prefill: unitsOf(256 * BYTES_PER_TOKEN),
  decode: unitsOf(1024 * BYTES_PER_TOKEN),
};

/** Fewest tokens in flight: a long prompt counts as what it is, and short ones go around it. */
export function byTokens(role: Role): Policy {
  const each = REQUEST_UNITS[role];
  const cost: Cost = (instance) => instance.units + each * instance.inFlight;
  return () => cost;
}

/**
 * Where a prompt is done soonest: behind the tokens in flight, less what the prefix cache has of it. So none gets more
 * because of its cache than that saves.
 */
export function byPrefix(role: Role): Policy {
  const load = byTokens(role);
  return (instances, prefixes) => {
    const loadOf = load(instances);
    return (instance) => loadOf(instance) - instance.cachedOf(prefixes);
  };
}
