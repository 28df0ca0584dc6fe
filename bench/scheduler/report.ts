import { table as columns } from "../../cli/table.ts";
import { type Spread, spread } from "../machine.ts";
import type { Figure, Scenario } from "./scenario.ts";

/** One figure of all routers. */
export interface Row extends Figure {
  readonly scenario: string;
  readonly routers: Readonly<Record<string, Spread>>;
}

/** What was measured: by scenario, router and figure one value per run. */
export type Measured = Map<string, number[]>;

export function key(scenario: string, router: string, figure: string): string {
  return `${scenario}\n${router}\n${figure}`;
}

export function rowsOf(
  scenarios: readonly Scenario[],
  routers: readonly string[],
  measured: Measured,
): Row[] {
  return scenarios.flatMap(({ name: scenario, figures }) =>
    figures.map((figure) => ({
      scenario,
      ...figure,
      routers: Object.fromEntries(
        routers.flatMap((router) => {
          const values = measured.get(key(scenario, router, figure.name));
          return values === undefined ? [] : [[router, rounded(spread(values))]];
        }),
      ),
    })),
  );
}

/** What our scheduler misses, one line each. */
export function misses(rows: readonly Row[]): string[] {
  return rows.flatMap(({ scenario, name, unit, bar, ofVllmRouter, ofNginx, routers }) => {
    const ours = routers["ascend-pd"]?.median;
    if (ours === undefined) return [];
    const said = `${scenario}, ${name}: ${ours} ${unit}`;
    const missed = (router: string, part: number | undefined) => {
      const theirs = routers[router]?.median;
      if (part === undefined || theirs === undefined || ours <= theirs * part) return [];
      return [`${said}, ${router} takes ${theirs} and the bar is ${Number((theirs * part).toPrecision(3))}`];
    };
    return [
      ...(bar !== undefined && ours > bar ? [`${said}, the bar is ${bar}`] : []),
      ...missed("vllm-router", ofVllmRouter),
      ...missed("nginx", ofNginx),
    ];
  });
}

/** The medians side by side, with the range of all rounds. */
export function table(rows: readonly Row[], routers: readonly string[]): string {
  const lines = rows.map((row) => [
    row.scenario,
    `${row.name}, ${row.unit}`,
    ...routers.map((router) => shown(row.routers[router])),
    row.bar === undefined ? "" : `≤ ${row.bar}`,
  ]);
  return columns([["scenario", "figure", ...routers, "bar"], ...lines]);
}

function shown(value: Spread | undefined): string {
  if (value === undefined) return "–";
  const { median, min, max } = value;
  return min === max ? String(median) : `${median} (${min}–${max})`;
}

function rounded({ median, min, max }: Spread): Spread {
  const round = (value: number) => Number(value.toPrecision(3));
  return { median: round(median), min: round(min), max: round(max) };
}
