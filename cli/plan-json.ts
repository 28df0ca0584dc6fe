import type { plan as makePlan } from "../planning/make-plan.ts";

/**
 * What `ascend-pd plan --json` prints. A container's `files` are paths there, for every container has the global rank
 * table, and a thousand copies of it are more than a string can hold; `rankTables` has each file once.
 */
export function planJson(result: ReturnType<typeof makePlan>): string {
  if ("problems" in result) return JSON.stringify(result, undefined, 2);
  const containers = result.plan.containers.map((container) => ({
    ...container,
    files: container.files.map(({ path }) => path),
  }));
  return JSON.stringify({ ...result, plan: { ...result.plan, containers } }, undefined, 2);
}
