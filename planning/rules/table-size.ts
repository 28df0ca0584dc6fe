import { globalRankTable } from "../table-files.ts";
import type { Topology } from "../topology.ts";

/**
 * Bytes of the global rank table that every container has a copy of; what other rules find missing is left out. With
 * public vLLM only the scheduler has one.
 */
export function tableSize(topology: Topology): number {
  if (topology.engine.isPublic) return 0;
  const hosts = new Map(topology.hosts.map((host) => [host.name, host]));
  const instances = topology.instances.filter(
    ({ host, npus }) => hosts.has(host) && npus.every((npu) => hosts.get(host)?.deviceIps[npu] !== undefined),
  );
  return globalRankTable({ ...topology, instances }).content.length;
}

export const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
