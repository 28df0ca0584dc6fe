import type { DevicePlan } from "../plan.ts";

/** The nodes that every Ascend process opens, whatever its NPUs. */
export const managerNodes: readonly string[] = ["/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"];

export const isNpuNode = (path: string): boolean => /^\/dev\/davinci\d+$/.test(path);

/**
 * An instance's own NPUs and the manager nodes. `hostPath` says which node of the host stands behind one. `rwm` is
 * Docker's default; the driver refuses less.
 */
export function npuDevices(npus: readonly number[], hostPath = (node: string): string => node): DevicePlan[] {
  const nodes = [...npus.map((npu) => `/dev/davinci${npu}`), ...managerNodes];
  return nodes.map((node) => ({ hostPath: hostPath(node), containerPath: node, permissions: "rwm" }));
}
