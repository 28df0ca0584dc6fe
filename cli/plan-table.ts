import type { Plan } from "../planning/plan.ts";

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

function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
