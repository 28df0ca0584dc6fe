import { stringify } from "yaml";
import { alertRules } from "./alerts.ts";
import { grafanaJson } from "./dashboards/dashboard.ts";
import { dashboardsFor } from "./dashboards/index.ts";
import { scrapeConfig } from "./scrape-config.ts";
import type { Targets } from "./targets.ts";

export interface MonitoringFile {
  /** Without a folder. */
  readonly name: string;
  readonly content: string;
}

const yaml = (value: object): string => stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Prometheus' configuration, and the rules that it names. */
export const prometheusFiles = (targets: Targets): MonitoringFile[] => [
  { name: "prometheus.yml", content: yaml(scrapeConfig(targets, "rules.yml")) },
  { name: "rules.yml", content: yaml(alertRules()) },
];

/** Each dashboard, for Grafana's provisioning or its import. */
export const dashboardFiles = (targets: Targets): MonitoringFile[] =>
  dashboardsFor(targets).map((one) => ({ name: `${one.uid}.json`, content: json(grafanaJson(one)) }));

/** What Grafana reads of a data source when it starts. */
export const dataSourceFile = (prometheus: string): MonitoringFile => ({
  name: "prometheus.yml",
  content: yaml({
    apiVersion: 1,
    datasources: [
      {
        ...{ name: "Prometheus", uid: "ascend-pd", type: "prometheus", access: "proxy", url: prometheus },
        ...{ isDefault: true, editable: false },
      },
    ],
  }),
});

/** Where it finds dashboards. */
export const dashboardProviderFile = (folder: string): MonitoringFile => ({
  name: "ascend-pd.yml",
  content: yaml({
    apiVersion: 1,
    providers: [
      {
        ...{ name: "ascend-pd", type: "file", disableDeletion: true, allowUiUpdates: false },
        options: { path: folder },
      },
    ],
  }),
});
