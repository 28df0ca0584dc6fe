/** A dashboard as people think of it; `grafanaJson` has the words of Grafana. */
export interface Dashboard {
  /** Also the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** `number`: the newest value, large. `lines`: over time. */
  readonly shows: "number" | "lines";
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Of values from which they are drawn in another colour. */
  readonly thresholds?: readonly { readonly from: number; readonly colour: "green" | "orange" | "red" }[];
}

export interface Query {
  readonly expr: string;
  /** Labels of a series in its name: `{{pd_instance}}`. */
  readonly legend: string;
}

/** Grafana's ids. */
export type Unit =
  | "short"
  | "reqps"
  | "s"
  | "bytes"
  | "Bps"
  | "percentunit"
  | "percent"
  | "celsius"
  | "watt"
  | "none";

/** A choice on top of the dashboard: the values of a label of a metric. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly metric: string;
  readonly of: string;
}

const columns = 24;
const height = { number: 4, lines: 8 } as const;
const width = { number: 4, lines: 12 } as const;

const source = { type: "prometheus", uid: "$datasource" } as const;

/** The classic JSON model, which Grafana 10 and later read from files and by import. */
export function grafanaJson({ uid, title, description, variables, rows }: Dashboard): object {
  let y = 0;
  let id = 0;
  const panels = rows.flatMap((row) => {
    const heading = {
      id: ++id,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: columns, h: 1 },
      panels: [],
    };
    let x = 0;
    let rowHeight = 0;
    const placed = row.panels.map((panel) => {
      const [w, h] = [width[panel.shows], height[panel.shows]];
      if (x + w > columns) {
        x = 0;
        y += rowHeight;
        rowHeight = 0;
      }
      const gridPos = { x, y, w, h };
      x += w;
      rowHeight = Math.max(rowHeight, h);
      return panelJson(panel, ++id, gridPos);
    });
    y += rowHeight;
    return [heading, ...placed];
  });
  return {
    uid,
    title,
    description,
    tags: ["ascend-pd"],
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,
    refresh: "30s",
    timezone: "browser",
    time: { from: "now-1h", to: "now" },
    links: [
      {
        ...{
          type: "dashboards",
          title: "ascend-pd",
          tags: ["ascend-pd"],
          icon: "external link",
          tooltip: "",
        },
        ...{ asDropdown: false, includeVars: true, keepTime: true, targetBlank: false },
      },
    ],
    templating: {
      list: [
        { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus", refresh: 1 },
        ...variables.map(variableJson),
      ],
    },
    annotations: { list: [] },
    panels,
  };
}

function variableJson({ name, label, metric, of }: Variable): object {
  const query = `label_values(${metric}, ${of})`;
  return {
    ...{ name, label, type: "query", datasource: source, refresh: 2, sort: 1 },
    query: { query, refId: name },
    ...{ includeAll: false, multi: false },
  };
}

function panelJson(
  { title, description, shows, unit, queries, thresholds = [] }: Panel,
  id: number,
  gridPos: object,
): object {
  const steps = [
    { color: "green", value: null },
    ...thresholds.map(({ from, colour }) => ({ color: colour, value: from })),
  ];
  return {
    id,
    type: shows === "number" ? "stat" : "timeseries",
    title,
    description,
    gridPos,
    datasource: source,
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: source,
      expr,
      legendFormat: legend,
      ...(shows === "number" ? { instant: true, range: false } : { instant: false, range: true }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        ...(unit === "percentunit" && shows === "lines" && { min: 0 }),
        color: { mode: shows === "number" ? "thresholds" : "palette-classic" },
        thresholds: { mode: "absolute", steps },
      },
      overrides: [],
    },
    options:
      shows === "number"
        ? {
            ...{ colorMode: "value", graphMode: "none", justifyMode: "auto", textMode: "auto" },
            ...{ orientation: "auto", wideLayout: true, showPercentChange: false },
            reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
          }
        : {
            legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
            tooltip: { mode: "multi", sort: "desc" },
          },
  };
}
