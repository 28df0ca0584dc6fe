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
