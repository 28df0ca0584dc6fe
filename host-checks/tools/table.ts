import { linesOf } from "./reading.ts";

/*
 * The tables that npu-smi draws, by cells and by the words of their headers, never by columns: releases differ in
 * widths, and terminals cut lines off.
 */

/** A row of a table as its cells; of one that was cut off, those that are whole. */
export interface Row {
  readonly text: string;
  readonly cells: readonly string[];
}

// Colours, and the bars that other fonts and terminals draw.
const ornaments = /\p{Cc}\[[\d;]*m/gu;
const bars = /[│┃｜]/gu;

export function rowsOf(output: string): Row[] {
  return linesOf(output)
    .map((line) => line.replace(ornaments, "").replace(bars, "|").trim())
    .filter((line) => line.startsWith("|"))
    .map((text) => ({ text, cells: text.split("|").slice(1, -1).map(cellOf) }));
}

const cellOf = (cell: string): string => cell.replaceAll(/\s+/g, " ").trim();

/** What a header names in its cells: `| NPU   Name | Health |` as `[["NPU", "Name"], ["Health"]]`. */
export type Columns = readonly (readonly string[])[];

const names =
  /NPU|Slot|Chip|Phy-ID|Device|Name|Health|Bus-Id|(Memory|HBM)-Usage|Process (id in container|id|name|memory)/gi;

export const columnsOf = ({ cells }: Row): Columns =>
  cells.map((cell) =>
    [...cell.replaceAll(/NPU Util/gi, "").matchAll(names)].map(([name]) => name.toLowerCase()),
  );

export const isHeader = (columns: Columns, ...wanted: readonly string[]): boolean =>
  wanted.every((name) => columns.flat().includes(name));

/**
 * The values of a row by the names of a header. The last name of a cell has what is left of it; of two equal names the
 * first one counts, as a further one is what is left of a longer name.
 */
export function valuesOf({ cells }: Row, columns: Columns): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  for (const [index, named] of columns.entries()) {
    const cell = cells[index];
    if (cell === undefined || named.some((name) => name.endsWith("usage"))) continue;
    const words = cell.split(" ");
    if (named.length > 0 && words.length < named.length) return undefined;
    for (const [place, name] of named.entries()) {
      const isLast = place === named.length - 1;
      if (values.has(name)) continue;
      values.set(name, isLast ? words.slice(place).join(" ") : (words[place] ?? ""));
    }
  }
  return values;
}
