import { apiKeysFile, globalRankTable, nodePortsFile } from "../table-files.ts";
import type { Topology } from "../topology.ts";

/**
 * Bytes of the global rank table that every container has a copy of; what other rules find missing is left out. With
 * public vLLM only the scheduler has one.
 */
export function tableSize(topology: Topology): number {
  return topology.engine.isPublic ? 0 : globalTable(topology).length;
}

/** Bytes of what the scheduler reads: the table whatever the engine, the ports and the keys of clients. */
export function schedulerFilesSize(topology: Topology): number {
  const keys = apiKeysFile(topology)?.content ?? "";
  return globalTable(topology).length + nodePortsFile(topology).content.length + keys.length;
}

function globalTable(topology: Topology): string {
  const hosts = new Map(topology.hosts.map((host) => [host.name, host]));
  const instances = topology.instances.filter(
    ({ host, npus }) => hosts.has(host) && npus.every((npu) => hosts.get(host)?.deviceIps[npu] !== undefined),
  );
  return globalRankTable({ ...topology, instances }).content;
}

export const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
