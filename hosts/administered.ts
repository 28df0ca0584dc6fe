import { isHead } from "../planning/layout.ts";
import { type ContainerPlan, type FilePlan, type HostPlan, isInstance, type Plan } from "../planning/plan.ts";
import { shortName } from "../planning/short-name.ts";
import { bracketed } from "../rank-tables/addresses.ts";

/** A scheduler's administration: a socket inside its container, on a host. */
export interface Administered {
  readonly host: HostPlan;
  readonly container: string;
  readonly socket: string;
}

/** That of a Plan's scheduler; the manual's own has none. */
export function administered(plan: Plan): Administered | undefined {
  const container = plan.containers.find(({ role }) => role === "scheduler");
  const { adminSocket: socket } = plan;
  if (container === undefined || socket === undefined) return undefined;
  return { host: hostOf(plan, container), container: container.name, socket };
}

/** Where a scheduler sends requests, and the files that say so to one that starts. */
export interface SchedulerTables {
  readonly instances: readonly {
    readonly role: "prefill" | "decode";
    readonly name: string;
    readonly address: string;
  }[];
  readonly global: FilePlan;
  readonly local: FilePlan;
  readonly nodePorts: FilePlan;
  readonly apiKeys?: FilePlan;
}

/** Those of a Plan's scheduler; the manual's own cannot be told anew. */
export function schedulerTables({ stack, containers, hosts, rankTables }: Plan): SchedulerTables | undefined {
  const { global, nodePorts, apiKeys } = rankTables;
  const local = rankTables.local[containers.findIndex(({ role }) => role === "scheduler")];
  if (local === undefined || nodePorts === undefined) return undefined;
  const instances = containers.flatMap((container) => {
    if (!isInstance(container) || !isHead(container)) return [];
    const address = addressOf(hostOf({ hosts }, container), container);
    return [{ role: container.role, name: shortName(container.name, stack), address }];
  });
  return { instances, global, local, nodePorts, ...(apiKeys && { apiKeys }) };
}

/** Of the instances, by the names of their containers; of one over several hosts, by that of its head. */
export function addressesOf({ containers, hosts }: Plan): ReadonlyMap<string, string> {
  return new Map(containers.filter(isHead).map((one) => [one.name, addressOf(hostOf({ hosts }, one), one)]));
}

/** Where the scheduler reaches an instance, and by what it always knows it: `10.0.0.18:8088`, `[2001:db8::18]:8088`. */
export function addressOf({ address }: HostPlan, { port }: ContainerPlan): string {
  return `${bracketed(address)}:${port}`;
}

/** Where a container says whether it can take requests. */
export function readyUrlOf(host: HostPlan, plan: ContainerPlan): string {
  return `${plan.tls === true ? "https" : "http"}://${addressOf(host, plan)}${plan.readyPath}`;
}

/** Where a container of the Plan stands. */
export function hostOf({ hosts }: Pick<Plan, "hosts">, { name, host }: ContainerPlan): HostPlan {
  const found = hosts.find((one) => one.name === host);
  if (found === undefined) throw new Error(`the Plan puts ${name} on an unknown host ${host}`);
  return found;
}
