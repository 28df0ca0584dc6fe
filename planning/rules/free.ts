import type { Topology } from "../topology.ts";

/** Which NPUs of a host no instance uses, as the text of a fix. */
export function freeNpus({ hosts, instances }: Topology, host: string): string {
  const used = new Set(instances.filter((instance) => instance.host === host).flatMap(({ npus }) => npus));
  const all = Array.from({ length: hosts.find(({ name }) => name === host)?.npus ?? 0 }, (_, npu) => npu);
  const free = all.filter((npu) => !used.has(npu));
  if (free.length === 0) return `${host} has no free NPU: use fewer, or move the instance to another host`;
  return `use a free NPU of ${host}: ${free.join(", ")}`;
}

/** Ports that HCCL listens on between the hosts of one job, from its default HCCL_IF_BASE_PORT on. */
export const hcclPorts = { first: 60000, last: 60031 };

export const isHcclPort = (port: number): boolean => port >= hcclPorts.first && port <= hcclPorts.last;

/** The next port above `port` that no instance on any host uses, as the text of a fix. */
export function freePort({ instances }: Topology, port: number): string {
  const used = new Set(instances.map((instance) => instance.port));
  const next = [...range(port + 1, 65535), ...range(1024, port)].find(
    (one) => !used.has(one) && !isHcclPort(one),
  );
  return `choose another, e.g. ${next}`;
}

function* range(first: number, last: number): Generator<number> {
  for (let number = first; number <= last; number++) yield number;
}
