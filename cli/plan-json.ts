import type { Planned } from "../planning/make-plan.ts";
import { isMonitoring } from "../planning/plan.ts";
import type { Problem } from "../problems/problem.ts";

/**
 * What `ascend-pd plan --json` prints. A container's `files` are paths there, for every container has the global rank
 * table, and a thousand copies of it are more than a string can hold; `rankTables` has each file once. Those of the monitoring are its own.
 */
export function planJson(
  result: Pick<Planned, "plan" | "warnings"> | { readonly problems: readonly Problem[] },
): string {
  if ("problems" in result) return JSON.stringify(result, undefined, 2);
  const { plan, warnings } = result;
  const containers = plan.containers.map((container) => ({
    ...container,
    files: isMonitoring(container) ? container.files : container.files.map(({ path }) => path),
  }));
  return JSON.stringify({ plan: { ...plan, containers }, warnings }, undefined, 2);
}
