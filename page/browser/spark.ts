/** A value at a time; null where there is none. */
export type Sample = readonly [at: number, value: number | null];

export const WIDTH = 100;
export const HEIGHT = 20;
/** Between two samples; more apart, and the line breaks. */
const GAP_MS = 3500;

/** Paths of a line, and of what is below it, over the time from `from` to `to`; scaled from 0 to the highest value. */
export function sparkline(
  samples: readonly Sample[],
  from: number,
  to: number,
): { readonly line: string; readonly area: string } {
  const highest = Math.max(...samples.map(([, value]) => value ?? 0), Number.MIN_VALUE);
  const x = (at: number) => round(((at - from) / (to - from)) * WIDTH);
  const y = (value: number) => round(HEIGHT - (value / highest) * (HEIGHT - 2) - 1);
  const runs: [number, number][][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [at, value] of samples) {
    if (value === null || at < from) continue;
    if (at - last > GAP_MS) runs.push([]);
    runs.at(-1)?.push([x(at), y(value)]);
    last = at;
  }
  const points = (run: readonly [number, number][]) => run.map(([px, py]) => `${px} ${py}`).join("L");
  return {
    line: runs.map((run) => `M${points(run)}${run.length === 1 ? "h.5" : ""}`).join(""),
    area: runs
      .map((run) => `M${run[0]?.[0]} ${HEIGHT}L${points(run)}L${run.at(-1)?.[0]} ${HEIGHT}Z`)
      .join(""),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
