import type { Topology } from "../topology.ts";

/** As the text of a fix: the NPUs of a host that no instance uses and that can be used as things stand. */
export function freeNpus({ hosts, instances }: Topology, hostName: string): string {
  const used = new Set(instances.filter(({ host }) => host === hostName).flatMap(({ npus }) => npus));
  const host = hosts.find(({ name }) => name === hostName);
  const all = Array.from({ length: host?.npus ?? 0 }, (_, npu) => npu);
  const free = all.filter((npu) => !used.has(npu) && host?.deviceIps[npu] !== undefined);
  if (free.length > 0) return `use a free NPU of ${hostName}: ${free.join(", ")}`;
  return `use fewer, or move the instance: ${hostName} has no other free NPU with a device IP`;
}

/** Ports that HCCL listens on between the hosts of a job, unless HCCL_IF_BASE_PORT says others. */
export const hcclPorts = { first: 60000, last: 60031 };

export const isHcclPort = (port: number): boolean => port >= hcclPorts.first && port <= hcclPorts.last;

/** As the text of a fix: the next port that no instance of any host uses. */
export function freePort({ instances }: Topology, port: number): string {
  const used = new Set(instances.map((instance) => instance.port));
  let free = port;
  while (used.has(free) || isHcclPort(free)) free = free === 65535 ? 1024 : free + 1;
  return `choose another, e.g. ${free}`;
}
