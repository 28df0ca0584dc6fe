import type { Figures } from "./play.ts";

const PANELS: readonly { readonly title: string; readonly of: (figures: Figures) => number }[] = [
  { title: "Throughput, requests a second: more is better", of: ({ throughput }) => throughput },
  { title: "Time to first token, mean, ms: less is better", of: ({ ttftMean }) => ttftMean },
  { title: "Busiest prefill instance over the mean: 1 is even", of: ({ balance }) => balance },
];
const COLOURS = ["#9aa5b1", "#7b93c9", "#c79a5b", "#2f8f6b"];
const BAR = 26;
const GAP = 22;
const HEIGHT = 150;
const PANEL = HEIGHT + 74;
const LEFT = 16;

/** Bars of each policy, by workload, a panel a figure. Each workload is drawn to its own greatest bar, and the numbers stand above. */
export function chart(measured: Readonly<Record<string, Readonly<Record<string, Figures>>>>): string {
  const workloads = Object.entries(measured);
  const policies = Object.keys(workloads[0]?.[1] ?? {});
  const group = policies.length * BAR + GAP;
  const width = Math.max(620, 2 * LEFT + workloads.length * group);
  const height = PANELS.length * PANEL + 40;
  const legend = policies.map((policy, at) => {
    const x = LEFT + at * 120;
    return `<rect x="${x}" y="12" width="12" height="12" fill="${COLOURS[at]}"/><text x="${x + 18}" y="22">${policy}</text>`;
  });
  const panels = PANELS.map(({ title, of }, panel) => {
    const top = 40 + panel * PANEL;
    const base = top + 34 + HEIGHT;
    const groups = workloads.map(([name, row], at) => {
      const values = policies.map((policy) => {
        const figures = row[policy];
        return figures === undefined ? 0 : of(figures);
      });
      const most = Math.max(...values);
      const left = LEFT + at * group;
      const bars = values.map((value, index) => {
        const size = (value / most) * HEIGHT;
        const x = left + index * BAR;
        const text = value >= 100 ? value.toFixed(0) : value.toPrecision(3);
        return `<rect x="${x}" y="${(base - size).toFixed(1)}" width="${BAR - 3}" height="${size.toFixed(1)}" fill="${COLOURS[index]}"/><text class="n" x="${x + (BAR - 3) / 2}" y="${(base - size - 3).toFixed(1)}">${text}</text>`;
      });
      const middle = left + (policies.length * BAR - 3) / 2;
      return `${bars.join("\n")}\n<text class="w" x="${middle}" y="${base + 16}">${name}</text>`;
    });
    return `<text class="t" x="${LEFT}" y="${top + 14}">${title}</text>\n${groups.join("\n")}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<style>.t{font-weight:bold}.n{font-size:9px;text-anchor:middle}.w{text-anchor:middle}</style>
<rect width="100%" height="100%" fill="white"/>
${legend.join("\n")}
${panels.join("\n")}
</svg>
`;
}
