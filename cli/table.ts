import { visible } from "../problems/text.ts";

/** Rows in columns, two spaces apart, without trailing spaces. No cell ends its row. */
export function table(content: readonly (readonly string[])[]): string {
  const rows = content.map((row) => row.map(visible));
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
