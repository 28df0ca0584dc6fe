import { isLoopback } from "../../rank-tables/addresses.ts";
import { found, hostOf, type Instance, type Layout, npuCount, type Place } from "../layout.ts";
import type { ClaimedPorts, OverHosts } from "./engine.ts";
import { kvPorts, rpcPort } from "./mooncake.ts";

/** All on which a container listens besides its own port. */
export function ownPorts(kvPort: number, instance: Pick<Instance, "npus" | "member">): ClaimedPorts[] {
  const rpc = rpcPort(kvPort, instance);
  return [
    { owner: "KV transfer", ...kvPorts(kvPort, instance) },
    ...(instance.member?.index === 0 ? [{ owner: "data parallelism", first: rpc, last: rpc }] : []),
  ];
}

/** The data-parallel ranks that a member has: `first` to `first + own - 1` of `all`. */
export function ranksOf(
  { rankNpus }: OverHosts,
  layout: Pick<Layout, "instances">,
  instance: Instance,
): { readonly first: number; readonly own: number; readonly all: number } {
  const size = rankNpus(layout, instance);
  const before = (instance.member?.places ?? []).slice(0, instance.member?.index);
  const npusBefore = before.reduce((sum, { npus }) => sum + npus.length, 0);
  return { first: npusBefore / size, own: instance.npus.length / size, all: npuCount(instance) / size };
}

/** What vLLM wants on each of the hosts of an instance: all but the head have no API, and wait for the head. */
export function memberFlags(overHosts: OverHosts, layout: Layout, instance: Instance): string[] {
  const { member } = instance;
  if (member === undefined) return [];
  const { first, own, all } = ranksOf(overHosts, layout, instance);
  const head: Place = found(member.places[0]);
  const { address } = hostOf(layout, head);
  return [
    `--data-parallel-size=${all}`,
    `--data-parallel-size-local=${own}`,
    `--data-parallel-start-rank=${first}`,
    `--data-parallel-address=${isLoopback(address) ? "127.0.0.1" : address}`,
    `--data-parallel-rpc-port=${rpcPort(overHosts.kvPort, head)}`,
    ...(member.index > 0 ? ["--headless"] : []),
  ];
}
