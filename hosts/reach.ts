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

/**
 * Why a preview cannot go on, for each host whose engine is reached without ssh and does not answer. Pulumi's Docker plugin
 * (5.2.0) asks such an engine as soon as it is configured, in a preview too, and ends with `failed to connect to any docker
 * daemon`, without saying whose; one behind ssh:// it asks only when it has something to do.
 */
export async function stopsOfPreview(hosts: readonly HostPlan[]): Promise<string[]> {
  const local = hosts.filter((host) => !hostOf(engineOf(host)).startsWith("ssh://"));
  const messages = await unreachableHosts(local);
  return messages.map(
    (message) => `${message}; without ssh:// a preview needs it too, since Pulumi's Docker plugin asks it`,
  );
}
