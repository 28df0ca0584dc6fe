import { xmlText } from "../render/xml-text.ts";
import type { Load } from "./load.ts";
import { loadName } from "./report.ts";
import type { Slo } from "./slo.ts";
import type { Tally } from "./tally.ts";

/** A run to be drawn. */
export interface Drawn {
  readonly load: Load;
  readonly times: Tally["times"];
}

const panel = { width: 360, height: 220, left: 64, top: 64, gap: 84 };
const PANELS = [
  ["ttft", "TTFT"],
  ["tpot", "TPOT"],
  ["e2el", "E2EL"],
] as const;
const PERCENTS = [0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 92, 94, 95, 96, 97, 98, 99, 99.5, 100];
const COLOURS = ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#cf222e", "#9a6700", "#0550ae", "#59636e"];

/** How long what part of the requests took: a line a run, a dashed one for the SLO. It stands for itself, as all pictures here. */
export function plot(title: string, runs: readonly Drawn[], slo: Slo = {}): string {
  const width = panel.left + PANELS.length * (panel.width + panel.gap);
  const height = panel.top + panel.height + 72 + 20 * runs.length;
  const panels = PANELS.map(([metric, name], index) => {
    const left = panel.left + index * (panel.width + panel.gap);
    return drawPanel(
      left,
      name,
      runs.map(({ times }) => times[metric].percentiles(PERCENTS)),
      slo[metric],
    );
  });
  const legend = runs.map(({ load }, index) => {
    const y = panel.top + panel.height + 64 + 20 * index;
    return `<path class="run" stroke="${colour(index)}" d="M${panel.left} ${y - 4}h28"/><text x="${panel.left + 36}" y="${y}">${xmlText(loadName(load))}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${xmlText(title)}</title>
<style>${styles}</style>
<rect class="page" width="${width}" height="${height}" rx="10"/>
<text class="name" x="${panel.left}" y="32">${xmlText(title)}</text>
${[...panels, ...legend].join("\n")}
</svg>
`;
}

function drawPanel(
  left: number,
  name: string,
  lines: readonly (readonly number[])[],
  limit?: number,
): string {
  const bottom = panel.top + panel.height;
  const most = niceTop(Math.max(...lines.flat(), limit ?? 0));
  const x = (percent: number) => one(left + (panel.width * percent) / 100);
  const y = (value: number) => one(bottom - (panel.height * value) / most);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = y(most * part);
    return `<path class="grid" d="M${left} ${at}h${panel.width}"/><text class="end" x="${left - 8}" y="${at + 4}">${Number((most * part).toPrecision(3))}</text>`;
  });
  const ticks = [0, 50, 90, 100].map(
    (percent) =>
      `<text class="center" x="${x(percent)}" y="${bottom + 18}">${percent === 0 ? "p0" : percent}</text>`,
  );
  const runs = lines.map((values, index) => {
    const points = values.map((value, at) => `${x(PERCENTS[at] ?? 0)} ${y(value)}`);
    return `<path class="run" stroke="${colour(index)}" d="M${points.join("L")}"/>`;
  });
  const dashed = limit === undefined ? [] : [`<path class="limit" d="M${left} ${y(limit)}h${panel.width}"/>`];
  return [
    `<text class="name" x="${left}" y="${panel.top - 10}">${name}, ms, by percentile</text>`,
    ...grid,
    ...ticks,
    ...dashed,
    ...runs,
  ].join("\n");
}

/** 1, 2 or 5 times a power of ten, at or above a value. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

const one = (value: number): number => Math.round(value * 10) / 10;
const colour = (index: number): string => COLOURS[index % COLOURS.length] ?? "";

const styles = `
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#59636e}
.name{font-weight:600;fill:#1f2328}
.page{fill:#ffffff;stroke:#d0d7de}
.grid{stroke:#d0d7de}
.limit{stroke:#cf222e;stroke-dasharray:6 4}
.run{fill:none;stroke-width:2}
.end{text-anchor:end}
.center{text-anchor:middle}
@media (prefers-color-scheme:dark){
text{fill:#9ea7b3}.name{fill:#e6edf3}.page{fill:#0d1117;stroke:#3d444d}.grid{stroke:#3d444d}
}
`;
