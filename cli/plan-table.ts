import type { Plan } from "../planning/plan.ts";
import { table } from "./table.ts";

/** The Plan as a table for people: role, instance, host, NPUs, port. */
export function planTable(plan: Plan): string {
  const rows = plan.containers.map(({ role, name, host, npus, port }) => [
    role,
    name,
    host,
    npus.length > 0 ? npus.join(",") : "-",
    String(port),
  ]);
  return table([["ROLE", "INSTANCE", "HOST", "NPUS", "PORT"], ...rows]);
}
