import { isHead } from "../../planning/layout.ts";
import type { ContainerPlan, HostPlan, Plan, Role } from "../../planning/plan.ts";
import { shortName } from "../../planning/short-name.ts";
import { hostsFromTheTop, npusText } from "./pictured.ts";
import { xmlText } from "./xml-text.ts";

/*
 * Hosts lie one below the other, that of the scheduler on top. In each, prefill stands left and decode right, so that
 * every flow has a lane of its own, whatever the number of hosts: ① runs down the left edge, ② down the right edge, and
 * KV cache crosses the middle.
 */
const width = 760;
const margin = 20;
const row = { height: 48, step: 60 };
const box = { width: 236, height: row.height };
/** Where the boxes of each column begin, and where the lanes run. */
const x = { prefill: 84, decode: width - 84 - box.width, first: 54, second: width - 54, kv: width / 2 };

interface Box {
  readonly container: ContainerPlan;
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

interface Panel {
  readonly host: HostPlan;
  readonly top: number;
  readonly height: number;
  readonly boxes: readonly Box[];
}

/** The topology as a picture that stands for itself: no script, no font, nothing from elsewhere. */
export function svg(plan: Plan): string {
  const panels = layOut(plan);
  const boxes = panels.flatMap((panel) => panel.boxes);
  const last = panels.at(-1);
  const height = (last === undefined ? 0 : last.top + last.height) + 96;
  const title = `${plan.stack}: prefill and decode on ${panels.length === 1 ? "one host" : `${panels.length} hosts`}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${xmlText(title)}</title>
<style>${styles}</style>
<defs>${arrowhead("request", 7)}${arrowhead("kv", 4)}</defs>
<rect class="page" width="${width}" height="${height}" rx="10"/>
<text class="name" x="${margin}" y="36">${xmlText(shortened(plan.stack, 34))}</text>
${[...panels.map(drawPanel), ...clients(plan), ...flows(boxes), ...boxes.map((one) => drawBox(plan, one)), legend(height)].join("\n")}
</svg>
`;
}

function layOut(plan: Plan): Panel[] {
  const panels: Panel[] = [];
  let top = 84;
  for (const { host, containers } of hostsFromTheTop(plan)) {
    const of = (role: Role) => containers.filter((container) => container.role === role);
    const schedulers = of("scheduler");
    const firstRow = top + 36 + schedulers.length * (row.step + 12);
    const column = (role: "prefill" | "decode"): Box[] =>
      of(role).map((container, index) => ({
        container,
        left: x[role],
        top: firstRow + index * row.step,
        width: box.width,
      }));
    const rows = Math.max(of("prefill").length, of("decode").length);
    const boxes = [
      ...schedulers.map((container) => ({ container, left: 36, top: top + 36, width: width - 72 })),
      ...column("prefill"),
      ...column("decode"),
    ];
    const height = firstRow - top + rows * row.step;
    panels.push({ host, top, height, boxes });
    top += height + 16;
  }
  return panels;
}

function drawPanel({ host, top, height }: Panel): string {
  return `<rect class="host" x="${margin}" y="${top}" width="${width - 2 * margin}" height="${height}" rx="8"/>
<text class="label" x="${x.prefill}" y="${top + 23}">${xmlText(shortened(host.name, 30))}</text>
<text class="label" x="${x.decode}" y="${top + 23}">${xmlText(shortened(host.address, 30))}</text>`;
}

function clients(plan: Plan): string[] {
  return [
    `<text class="label end" x="${x.kv - 14}" y="36">clients</text>`,
    `<text class="label" x="${x.kv + 14}" y="36">${xmlText(shortened(plan.endpoint, 44))}</text>`,
    line("request", `M${x.kv} 30V116`, "both"),
  ];
}

function flows(boxes: readonly Box[]): string[] {
  const of = (role: Role) => boxes.filter(({ container }) => container.role === role);
  const middle = ({ top }: Box) => top + box.height / 2;
  const [prefill, decode] = [of("prefill").map(middle), of("decode").map(middle)];
  const asked = (role: Role) =>
    of(role)
      .filter(({ container }) => isHead(container))
      .map(middle);
  const [askedFirst, askedSecond] = [asked("prefill"), asked("decode")];
  const under = Math.max(...of("scheduler").map(({ top }) => top + box.height));
  const first = Math.min(...prefill, ...decode);
  return [
    line("request", `M${x.first} ${under}V${Math.max(...askedFirst)}`),
    ...askedFirst.map((y) => line("request", `M${x.first} ${y}H${x.prefill - 2}`, "to")),
    line("request", `M${x.second} ${under}V${Math.max(...askedSecond)}`),
    ...askedSecond.map((y) => line("request", `M${x.second} ${y}H${x.decode + box.width + 2}`, "to")),
    badge(x.first, under + 16, "1"),
    badge(x.second, under + 16, "2"),
    line("kv", `M${x.kv} ${first}V${Math.max(...prefill, ...decode)}`),
    ...prefill.map((y) => line("kv", `M${x.prefill + box.width} ${y}H${x.kv}`)),
    ...decode.map((y) => line("kv", `M${x.kv} ${y}H${x.decode - 4}`, "to")),
    `<text class="label center" x="${x.kv}" y="${first - 10}">KV cache</text>`,
  ];
}

function drawBox(plan: Plan, { container, left, top, width }: Box): string {
  const { role, name, port } = container;
  const npus = npusText(container);
  return `<g><title>${xmlText([name, npus, `port ${port}`].filter(Boolean).join(", "))}</title>
<rect class="${role}" x="${left}" y="${top}" width="${width}" height="${box.height}" rx="6"/>
<text class="name" x="${left + 12}" y="${top + (npus === "" ? 29 : 20)}">${xmlText(shortened(shortName(container.name, plan.stack), 20))}</text>
<text class="label end" x="${left + width - 12}" y="${top + (npus === "" ? 29 : 20)}">:${port}</text>
<text class="label" x="${left + 12}" y="${top + 38}">${xmlText(shortened(npus, 29))}</text></g>`;
}

function legend(height: number): string {
  const entries = [
    ["1", "a request goes to a prefill instance, which reads the prompt"],
    ["2", "then to a decode instance, whose tokens stream back the same way"],
  ] as const;
  const lines = entries.map(
    ([number, words], index) =>
      `${badge(x.first, height - 58 + index * 26, number)}<text class="label" x="${x.prefill}" y="${height - 54 + index * 26}">${words}</text>`,
  );
  return lines.join("\n");
}

function line(kind: "request" | "kv", path: string, arrows: "none" | "to" | "both" = "none"): string {
  const start = arrows === "both" ? ` marker-start="url(#${kind})"` : "";
  const end = arrows === "none" ? "" : ` marker-end="url(#${kind})"`;
  return `<path class="${kind}"${start}${end} d="${path}"/>`;
}

const badge = (at: number, y: number, number: string) =>
  `<circle class="badge" cx="${at}" cy="${y}" r="9"/><text class="number center" x="${at}" y="${y + 4}">${number}</text>`;

const arrowhead = (name: string, size: number) =>
  `<marker id="${name}" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="${size}" markerHeight="${size}" orient="auto-start-reverse"><path class="head-${name}" d="M0 0L8 4L0 8z"/></marker>`;

/** At most `length` characters, of which the last says that there are more. */
const shortened = (label: string, length: number) => {
  const characters = [...label];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : label;
};

interface Colours {
  readonly page: string;
  readonly host: string;
  readonly edge: string;
  readonly text: string;
  readonly quiet: string;
  readonly kv: string;
  /** Fill and stroke. */
  readonly scheduler: readonly [string, string];
  readonly prefill: readonly [string, string];
  readonly decode: readonly [string, string];
}

const light: Colours = {
  page: "#ffffff",
  host: "#f6f8fa",
  edge: "#d0d7de",
  text: "#1f2328",
  quiet: "#59636e",
  kv: "#1a7f37",
  scheduler: ["#fbefff", "#8250df"],
  prefill: ["#ddf4ff", "#0969da"],
  decode: ["#fff1e5", "#bc4c00"],
};

const dark: Colours = {
  page: "#0d1117",
  host: "#161b22",
  edge: "#3d444d",
  text: "#e6edf3",
  quiet: "#9ea7b3",
  kv: "#3fb950",
  scheduler: ["#2a1a4a", "#ab7df8"],
  prefill: ["#0c2d57", "#4493f8"],
  decode: ["#3f2008", "#f0883e"],
};

const rules = (colours: Colours) => `
.page{fill:${colours.page};stroke:${colours.edge}}
.host{fill:${colours.host};stroke:${colours.edge}}
${(["scheduler", "prefill", "decode"] as const).map((role) => `.${role}{fill:${colours[role][0]};stroke:${colours[role][1]};stroke-width:1.5}`).join("\n")}
.name{fill:${colours.text}}
.label{fill:${colours.quiet}}
.request{stroke:${colours.quiet}}
.head-request,.badge{fill:${colours.quiet}}
.number{fill:${colours.page}}
.kv{stroke:${colours.kv}}
.head-kv{fill:${colours.kv}}`;

const styles = `
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.name{font-weight:600;font-size:14px}
.number{font-size:12px;font-weight:600}
.end{text-anchor:end}
.center{text-anchor:middle}
path.request,path.kv{fill:none;stroke-width:1.5}
path.kv{stroke-width:3}
${rules(light)}
@media (prefers-color-scheme:dark){${rules(dark)}
}
`;
