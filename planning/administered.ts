import type { ContainerPlan, HostPlan, Plan } from "./plan.ts";

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

/** Where the scheduler reaches an instance, and by what it always knows it: `10.0.0.18:8088`. */
export const addressOf = (plan: Plan, instance: ContainerPlan): string =>
  `${hostOf(plan, instance).address}:${instance.port}`;

function hostOf({ hosts }: Plan, { name, host }: ContainerPlan): HostPlan {
  const found = hosts.find((one) => one.name === host);
  if (found === undefined) throw new Error(`the Plan puts ${name} on an unknown host ${host}`);
  return found;
}
