import { greetEngine, hostOf } from "../docker/api.ts";
import type { HostPlan } from "../planning/plan.ts";
import { unreachableMessage } from "../planning/unreachable.ts";
import { engineOf } from "./containers.ts";

/** For each host whose Docker Engine does not answer within seconds: what was tried, what came, and what to do. */
export async function unreachableHosts(hosts: readonly HostPlan[]): Promise<string[]> {
  const messages = await Promise.all(hosts.map(unreachable));
  return messages.filter((message) => message !== undefined);
}

async function unreachable(host: HostPlan): Promise<string | undefined> {
  const engine = engineOf(host);
  const greeting = await greetEngine(engine);
  return greeting.answers ? undefined : unreachableMessage(host, hostOf(engine), greeting.reason);
}
