import { expect, test } from "vitest";
import { sampleTargets } from "../testing/targets.ts";
import { grafanaJson } from "./dashboard.ts";
import { dashboards, dashboardsFor } from "./index.ts";

/*
 * Grafana itself does not run here. These are, field by field, what its published schema of the classic model says
 * of all that is used; whatever is not known here fails, so that a new field comes with its check.
 */

type Json = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const filled: Check = (value) => typeof value === "string" && value !== "";
const whole: Check = (value) => Number.isInteger(value);
const flag: Check = (value) => typeof value === "boolean";
const oneOf =
  (...all: unknown[]): Check =>
  (value) =>
    all.includes(value);
const list =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);
const nothing = list(() => false);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

/** Has these fields, and no other. */
const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) => {
    const all = Object(value) as Json;
    const wrong = Object.keys(checks).filter((name) => !checks[name]?.(all[name]));
    const unknown = Object.keys(all).filter((name) => !(name in checks));
    if (wrong.length + unknown.length > 0)
      throw new Error(`${[...wrong, ...unknown].join(", ")} of ${JSON.stringify(value)}`);
    return true;
  };

const source = fields({ type: oneOf("prometheus"), uid: oneOf("$datasource") });
const gridPos: Check = (value) => {
  const { x, y, w, h } = value as { x: number; y: number; w: number; h: number };
  return [x, y, w, h].every(whole) && x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24;
};
const target = fields({
  refId: (value) => /^[A-Z]$/.test(`${value}`),
  datasource: source,
  expr: filled,
  legendFormat: filled,
  instant: flag,
  range: flag,
});
const fieldConfig = fields({
  defaults: fields({
    unit: oneOf("short", "reqps", "s", "bytes", "Bps", "percentunit", "percent", "celsius", "watt", "none"),
    min: optional((value) => value === 0),
    color: fields({ mode: oneOf("thresholds", "palette-classic") }),
    thresholds: fields({
      mode: oneOf("absolute"),
      steps: (value) => {
        const steps = value as { color: string; value: number | null }[];
        const values = steps.map((step) => step.value);
        return (
          values[0] === null && values.every((one, at) => at === 0 || Number(one) >= Number(values[at - 1]))
        );
      },
    }),
  }),
  overrides: nothing,
});
const base = { id: whole, title: filled, gridPos };
const row = fields({ ...base, type: oneOf("row"), collapsed: oneOf(false), panels: nothing });
const ofData = { ...base, description: filled, datasource: source, targets: list(target), fieldConfig };
const stat = fields({
  ...ofData,
  type: oneOf("stat"),
  options: fields({
    colorMode: oneOf("value"),
    graphMode: oneOf("none"),
    justifyMode: oneOf("auto"),
    textMode: oneOf("auto"),
    orientation: oneOf("auto"),
    wideLayout: flag,
    showPercentChange: flag,
    reduceOptions: fields({ calcs: list(oneOf("lastNotNull")), fields: text, values: flag }),
  }),
});
const timeseries = fields({
  ...ofData,
  type: oneOf("timeseries"),
  options: fields({
    legend: fields({
      displayMode: oneOf("list"),
      placement: oneOf("bottom"),
      showLegend: flag,
      calcs: nothing,
    }),
    tooltip: fields({ mode: oneOf("multi"), sort: oneOf("desc") }),
  }),
});
const panel: Check = (value) => {
  const { type } = value as { type: string };
  return ({ row, stat, timeseries }[type] ?? (() => false))(value);
};
const variable: Check = (value) =>
  (value as Json).type === "datasource"
    ? fields({
        ...{ name: filled, label: filled, type: oneOf("datasource"), query: oneOf("prometheus") },
        refresh: oneOf(1),
      })(value)
    : fields({
        ...{ name: filled, label: filled, type: oneOf("query"), datasource: source },
        query: fields({ query: filled, refId: filled }),
        ...{ refresh: oneOf(2), sort: oneOf(1), includeAll: flag, multi: flag },
      })(value);
const dashboard = fields({
  uid: (value) => /^[\w-]{8,40}$/.test(`${value}`),
  ...{ title: filled, description: filled, tags: list(filled), schemaVersion: whole, version: whole },
  ...{ editable: flag, graphTooltip: oneOf(1), refresh: filled, timezone: oneOf("browser") },
  time: fields({ from: filled, to: filled }),
  links: list(
    fields({
      ...{ type: oneOf("dashboards"), title: filled, tags: list(filled), icon: filled, tooltip: text },
      ...{ asDropdown: flag, includeVars: flag, keepTime: flag, targetBlank: flag },
    }),
  ),
  templating: fields({ list: list(variable) }),
  annotations: fields({ list: nothing }),
  panels: list(panel),
});

const all = dashboardsFor(sampleTargets);

test.each(all)("$title is a dashboard by what Grafana's schema says of its fields.", (one) => {
  expect(dashboard(grafanaJson(one))).toBe(true);
});

test.each(all)("No panel of $title lies on another, and each has an id of its own.", (one) => {
  const { panels } = grafanaJson(one) as {
    panels: { id: number; gridPos: Record<"x" | "y" | "w" | "h", number> }[];
  };

  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

test("There is one of NPUs only where something tells of them.", () => {
  expect(dashboardsFor({ npuExporters: [] })).toEqual(dashboards);
  expect(all.map(({ uid }) => uid)).toContain("ascend-pd-npus");
});
