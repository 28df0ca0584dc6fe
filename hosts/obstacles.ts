import type { ListedContainer } from "../docker/answers.ts";
import type { Listener } from "../host-checks/listeners.ts";
import { isOf } from "../planning/container/settings.ts";
import type { ContainerPlan, HostPlan, Plan } from "../planning/plan.ts";
import { visible, visibleLines } from "../problems/text.ts";
import { hostsAtOnce, mapAtOnce } from "./at-once.ts";
import { listContainers } from "./containers.ts";
import { listenersOn } from "./listeners.ts";
import { unreachable } from "./reach.ts";

/** What stands in the way of a Plan on its hosts: no engine, or a name or port that is another's. One text each. */
export async function obstacles({ stack, hosts, containers }: Plan): Promise<string[]> {
  const found = await mapAtOnce(hosts, hostsAtOnce, async (host) => {
    const planned = containers.filter((container) => container.host === host.name);
    const reason = await unreachable(host);
    if (reason !== undefined) return [reason];
    return takenBy(host, stack, planned).catch((error: Error) => [error.message]);
  });
  return found.flat().map(visibleLines);
}

async function takenBy(host: HostPlan, stack: string, planned: readonly ContainerPlan[]): Promise<string[]> {
  const all = await listContainers(host);
  const isOurs = ({ Labels }: ListedContainer) => isOf(stack, Labels);
  const names = planned.flatMap(({ name }) => {
    const holder = all.find(({ Names }) => Names.includes(`/${name}`));
    return holder === undefined || isOurs(holder) ? [] : [nameTaken(host, name, holder)];
  });
  const listeners = await listenersOn(
    host,
    planned.map(({ port }) => port),
  );
  const ports = planned.flatMap((container) => {
    const listener = listeners.find(({ port }) => port === container.port);
    if (listener === undefined) return [];
    const holder = all.find(({ Id }) => Id === listener.container);
    // One of ours has it, or is about to give it up.
    if (holder !== undefined && isOurs(holder)) return [];
    return [portTaken(host, container, listener, holder?.Names[0]?.slice(1))];
  });
  return [...names, ...ports];
}

function nameTaken(host: HostPlan, name: string, { Id, Image }: ListedContainer): string {
  return (
    `${host.name}: the name ${name} is taken by a container that is not of this stack: ${visible(Id.slice(0, 12))}, image ${visible(Image)}\n` +
    `fix: on ${host.name}, \`docker rename ${name} …\` it or remove it; it is neither adopted nor removed from here`
  );
}

/** `holder` is the name of the container that listens, if it is one. */
export function portTaken(
  host: HostPlan,
  { name, port }: { readonly name: string; readonly port: number },
  { pid, program }: Listener,
  holder?: string,
): string {
  const who = `process ${pid} (${program})${holder === undefined ? "" : ` of container ${visible(holder)}`}`;
  return (
    `${host.name}: port ${port} of ${name} is held by ${who}\n` +
    `fix: stop that on ${host.name}, or give ${name} another port in the stack file`
  );
}
