import { dashboardFiles, prometheusFiles } from "../../monitoring/files.ts";
import { targetsOf } from "../../planning/monitoring.ts";
import type { FilePlan } from "../../planning/plan.ts";
import type { Topology } from "../../planning/topology.ts";
import { isLoopback } from "../../rank-tables/addresses.ts";
import { UserError } from "../user-error.ts";

/** Files for a Prometheus and a Grafana of the user's own, and what they should know of them. */
export function monitoringOf({ topology }: { readonly topology: Topology }): {
  readonly files: readonly FilePlan[];
  readonly notes: readonly string[];
} {
  const targets = targetsOf(topology);
  const { runtime } = topology.file.scheduler;
  if (targets.scheduler === undefined) {
    throw new UserError(
      runtime === "ascend-pd"
        ? "the scheduler has no port for metrics\nfix: give it one, `scheduler.extraArgs: [--metrics-port=9464, --metrics-host=ADDRESS]`"
        : "the manual's own scheduler (runtime ascendcloud) has no metrics\nfix: set scheduler.runtime to ascend-pd",
    );
  }
  const { address, host } = targets.scheduler;
  const isNear = isLoopback(address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1"));
  const files = [...prometheusFiles(targets), ...dashboardFiles(targets)];
  return {
    files: files.map(({ name, content }) => ({ path: name, content })),
    notes: isNear
      ? [`the scheduler's metrics are on ${address}, where only a Prometheus on ${host} reaches them`]
      : [],
  };
}
