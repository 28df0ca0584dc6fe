import {
  dashboardFiles,
  dashboardProviderFile,
  dataSourceFile,
  type MonitoringFile,
  prometheusFiles,
} from "../monitoring/files.ts";
import type { Targets } from "../monitoring/targets.ts";
import { bracketed, isIpv6 } from "../rank-tables/addresses.ts";
import { flagsIn, ownAddress } from "./engines/flags.ts";
import { metricsAddress } from "./engines/scheduler.ts";
import { found, isHead } from "./layout.ts";
import type { ContainerPlan, FilePlan, MonitoringRole } from "./plan.ts";
import { shortName } from "./short-name.ts";
import type { Topology } from "./topology.ts";

/** The variable with the password of Grafana's user `admin`. */
export const grafanaPassword = "GF_SECURITY_ADMIN_PASSWORD";

export type Monitoring = NonNullable<Topology["file"]["monitoring"]>;

/** What there is to scrape, for who stands on the monitoring's host, or anywhere where there is none. */
export function targetsOf(topology: Topology): Targets {
  const { stack, instances, file } = topology;
  const metrics = metricsOf(topology);
  return {
    stack,
    ...(metrics && { scheduler: metrics }),
    instances: instances.filter(isHead).flatMap((instance) => {
      const { role, name, host, port } = instance;
      if (role === "scheduler") return [];
      const address = `${bracketed(ownAddress(topology, instance))}:${port}`;
      return [{ address, role, name: shortName(name, stack), host }];
    }),
    npuExporters: file.monitoring?.npuExporters ?? [],
  };
}

/** Where the scheduler's metrics are; the manual's own scheduler has none. */
function metricsOf(topology: Topology): Targets["scheduler"] {
  const { scheduler, monitoring } = topology.file;
  const { host } = scheduler;
  if (scheduler.runtime !== "ascend-pd" || host === undefined) return undefined;
  const flags = flagsIn(scheduler.extraArgs);
  const given = (wanted: string) => flags.findLast(({ name }) => name === wanted)?.value;
  const port = monitoring?.metricsPort ?? given("metrics-port");
  if (port === undefined) return undefined;
  const address = monitoring
    ? metricsAddress(topology, monitoring.host, host)
    : (given("metrics-host") ?? "127.0.0.1");
  return { address: authority(isAny(address) ? ownAddress(topology, { host }) : address, port), host };
}

const folder = "/etc/ascend-pd";

/** Containers of the stack's own Prometheus and Grafana; none where the stack file has no `monitoring`. */
export function monitoringContainers(topology: Topology): ContainerPlan[] {
  const { monitoring } = topology.file;
  if (monitoring === undefined) return [];
  const targets = targetsOf(topology);
  return [
    prometheus(topology, monitoring, targets),
    ...(monitoring.grafana ? [grafana(topology, monitoring, monitoring.grafana, targets)] : []),
  ];
}

/** Beside what the image has, nothing is written but the data: only that is kept when the container is made anew. */
function prometheus({ stack }: Topology, { host, prometheus }: Monitoring, targets: Targets): ContainerPlan {
  const { image, port, address, retentionDays, retentionGib, memoryMib } = prometheus;
  const name = `${stack}-prometheus`;
  return {
    ...container("prometheus", name, host, image),
    command: [
      `--config.file=${folder}/prometheus.yml`,
      "--storage.tsdb.path=/prometheus",
      `--storage.tsdb.retention.time=${retentionDays}d`,
      `--storage.tsdb.retention.size=${retentionGib}GB`,
      `--web.listen-address=${authority(address, port)}`,
    ],
    env: {},
    volumes: [{ name: `${name}-data`, target: "/prometheus" }],
    files: placed(folder, prometheusFiles(targets)),
    user: "65534:65534",
    memoryMib,
    port,
    address,
    readyPath: "/-/ready",
    stopTimeoutSeconds: 60,
  };
}

/** All that it shows comes from its files: it keeps nothing, and its password is that of the configuration. */
function grafana(
  { stack }: Topology,
  { host, prometheus }: Monitoring,
  { image, port, address, memoryMib }: NonNullable<Monitoring["grafana"]>,
  targets: Targets,
): ContainerPlan {
  const provisioning = `${folder}/provisioning`;
  const boards = placed(`${folder}/dashboards`, dashboardFiles(targets));
  const near = isAny(prometheus.address)
    ? isIpv6(prometheus.address)
      ? "::1"
      : "127.0.0.1"
    : prometheus.address;
  return {
    ...container("grafana", `${stack}-grafana`, host, image),
    command: [],
    env: {
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
      GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
      GF_ANALYTICS_REPORTING_ENABLED: "false",
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: found(boards[0]).path,
      GF_PATHS_PROVISIONING: provisioning,
      GF_PLUGINS_PREINSTALL_DISABLED: "true",
      GF_SECURITY_DISABLE_GRAVATAR: "true",
      GF_SERVER_HTTP_ADDR: numeric(address),
      GF_SERVER_HTTP_PORT: `${port}`,
    },
    secretEnv: [grafanaPassword],
    files: [
      ...placed(`${provisioning}/datasources`, [
        dataSourceFile(`http://${authority(near, prometheus.port)}`),
      ]),
      ...placed(`${provisioning}/dashboards`, [dashboardProviderFile(`${folder}/dashboards`)]),
      ...boards,
    ],
    user: "472:0",
    memoryMib,
    port,
    address,
    readyPath: "/api/health",
    stopTimeoutSeconds: 20,
  };
}

const container = (role: MonitoringRole, name: string, host: string, image: string) =>
  ({
    name,
    role,
    host,
    image: { kind: "reference", name: image },
    npus: [],
    devices: [],
    mounts: [],
    restricted: true,
    startTimeoutSeconds: 120,
  }) as const;

const placed = (folder: string, files: readonly MonitoringFile[]): FilePlan[] =>
  files.map(({ name, content }) => ({ path: `${folder}/${name}`, content }));

const isAny = (address: string) => address === "0.0.0.0" || address === "::";

/** `localhost` as a number: a program may take a name for two addresses. */
const numeric = (address: string) => (address === "localhost" ? "127.0.0.1" : address);

const authority = (address: string, port: number | string) => `${bracketed(numeric(address))}:${port}`;
