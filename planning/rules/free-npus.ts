import type { Topology } from "../topology.ts";

/** As the text of a fix, for a host by its name: its NPUs that no instance uses and that can be used as things stand. */
export function freeNpus({ hosts, instances }: Topology): (hostName: string) => string {
  const used = new Set(instances.flatMap(({ host, npus }) => npus.map((npu) => `${host} ${npu}`)));
  const free = new Map(
    hosts.map(({ name, npus, deviceIps }) => {
      const all = Array.from({ length: npus }, (_, npu) => npu);
      return [name, all.filter((npu) => !used.has(`${name} ${npu}`) && deviceIps[npu] !== undefined)];
    }),
  );
  return (name) => {
    const npus = free.get(name) ?? [];
    if (npus.length > 0) return `use a free NPU of ${name}: ${npus.join(", ")}`;
    return `use fewer, or move the instance: ${name} has no other free NPU with a device IP`;
  };
}
