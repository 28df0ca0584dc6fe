import type { Topology } from "../topology.ts";

/** The device IPs that the stack file gives, without those that the engine does. */
export const declaredDeviceIps = ({ file, hosts }: Topology) =>
  hosts.flatMap(({ name }) =>
    Object.entries(file.hosts[name]?.deviceIps ?? {}).map(([npu, ip]) => ({ host: name, npu, ip })),
  );
