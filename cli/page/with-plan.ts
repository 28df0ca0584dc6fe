import { addressesOf, hostOf } from "../../hosts/administered.ts";
import type { HostView, InstanceView, Snapshot } from "../../page/snapshot.ts";
import type { Plan } from "../../planning/plan.ts";

/** What a scheduler has told, as far as it is one. */
export function readSnapshot(line: string): Snapshot | undefined {
  try {
    const said = JSON.parse(line) as Partial<Snapshot> | null;
    const lists = [said?.instances, said?.hosts, said?.edges, said?.events, said?.models];
    const isWhole = lists.every(Array.isArray) && typeof said?.at === "number" && Boolean(said.totals);
    return isWhole ? (said as Snapshot) : undefined;
  } catch {
    return undefined;
  }
}

/** A snapshot with what only the Plan knows: the stack, hosts by their names, and NPUs where no rank table has them. */
export function withPlan(snapshot: Snapshot, plan: Plan): Snapshot {
  const byAddress = new Map([...addressesOf(plan)].map(([name, address]) => [address, name]));
  const containerOf = ({ address }: InstanceView) =>
    plan.containers.find(({ name }) => name === byAddress.get(address));
  const instances = snapshot.instances.map((one): InstanceView => {
    const container = containerOf(one);
    return container === undefined || one.npus.length > 0 ? one : { ...one, npus: container.npus };
  });
  const hosts = snapshot.hosts.map((host): HostView => {
    const own = snapshot.instances.find((one) => one.host === host.address);
    const container = own && containerOf(own);
    return container === undefined ? host : { ...host, name: hostOf(plan, container).name };
  });
  return { ...snapshot, stack: plan.stack, instances, hosts };
}
