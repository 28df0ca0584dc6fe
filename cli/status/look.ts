import { hostOf } from "../../docker/api.ts";
import { administered } from "../../hosts/administered.ts";
import type { SchedulerState } from "../../hosts/administration.ts";
import { askInContainer } from "../../hosts/administration.ts";
import { hostsAtOnce, mapAtOnce } from "../../hosts/at-once.ts";
import { listContainers } from "../../hosts/containers.ts";
import { engineOf, greet } from "../../hosts/engine.ts";
import type { HostPlan, Plan } from "../../planning/plan.ts";
import { unreachable } from "../../planning/unreachable.ts";
import { told } from "../scheduler/admin.ts";
import { type HostSight, type SchedulerSight, type StackStatus, stackStatus } from "./stack-status.ts";

/** Asks the hosts of a Plan and its scheduler. Changes nothing, and never rejects. */
export async function lookAt(plan: Plan): Promise<StackStatus> {
  const seen = await mapAtOnce(
    plan.hosts,
    hostsAtOnce,
    async (host) => [host.name, await sight(host)] as const,
  );
  const hosts = new Map<string, HostSight>(seen);
  return stackStatus(plan, hosts, await schedulerSight(plan, hosts));
}

async function sight(host: HostPlan): Promise<HostSight> {
  const greeting = await greet(host);
  if (!greeting.answers) {
    const at = hostOf(engineOf(host));
    const { seen, fix } = unreachable(host, "no Docker Engine answers", at, greeting.reason);
    return { what: `${host.name}: ${seen}`, fix };
  }
  return listContainers(host).catch(({ message }: Error) => ({ what: message, fix: "run this again" }));
}

async function schedulerSight(plan: Plan, hosts: ReadonlyMap<string, HostSight>): Promise<SchedulerSight> {
  const scheduler = administered(plan);
  if (scheduler === undefined) return undefined;
  const { host, container } = scheduler;
  const listed = hosts.get(host.name);
  // Of a container that does not run Docker has said enough.
  const isThere =
    Array.isArray(listed) &&
    listed.some(({ Names, State }) => Names.includes(`/${container}`) && State === "running");
  if (!isThere) return undefined;
  const fix = `\`ascend-pd logs ${plan.stack} ${container}\` shows its last words`;
  const answer = told(await askInContainer(scheduler, "/state"), `in ${container} on ${host.name}`, fix);
  return answer.done ? (answer.body as SchedulerState) : answer.problem;
}
