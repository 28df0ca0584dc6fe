import { hostOf } from "../docker/api.ts";
import type { HostPlan } from "../planning/plan.ts";
import { unreachableMessage } from "../planning/unreachable.ts";
import { engineOf, greet } from "./engine.ts";

/** For each host whose Docker Engine does not answer within seconds: what was tried, what came, and what to do. */
export async function unreachableHosts(hosts: readonly HostPlan[]): Promise<string[]> {
  const messages = await Promise.all(hosts.map(unreachable));
  return messages.filter((message) => message !== undefined);
}

/** The same of one host; undefined where it answers. */
export async function unreachable(host: HostPlan): Promise<string | undefined> {
  const greeting = await greet(host);
  return greeting.answers ? undefined : unreachableMessage(host, hostOf(engineOf(host)), greeting.reason);
}
