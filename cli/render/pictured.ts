import { type ContainerPlan, type HostPlan, isMonitoring, type Plan } from "../../planning/plan.ts";

/** A host with what runs on it. */
export interface OccupiedHost {
  readonly host: HostPlan;
  readonly containers: readonly ContainerPlan[];
}

/** Hosts with containers, that of the scheduler first, so that requests flow from the top. */
export function hostsFromTheTop(plan: Plan): OccupiedHost[] {
  const hosts = plan.hosts.map((host) => ({
    host,
    // A picture shows where requests and KV caches go.
    containers: plan.containers.filter((one) => one.host === host.name && !isMonitoring(one)),
  }));
  const isTop = ({ containers }: OccupiedHost) => containers.some(({ role }) => role === "scheduler");
  return hosts
    .filter(({ containers }) => containers.length > 0)
    .sort((a, b) => Number(isTop(b)) - Number(isTop(a)));
}

/** `NPUs 0-3,6` in rank order; nothing for the scheduler. */
export function npusText({ npus }: ContainerPlan): string {
  const runs: number[][] = [];
  for (const npu of npus) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === npu - 1) run.push(npu);
    else runs.push([npu]);
  }
  const parts = runs.map((run) => (run.length > 2 ? `${run[0]}-${run.at(-1)}` : run.join(",")));
  return npus.length === 0 ? "" : `NPU${npus.length > 1 ? "s" : ""} ${parts.join(",")}`;
}
