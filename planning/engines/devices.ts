import type { DevicePlan } from "../plan.ts";

const managers = ["/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"];

/**
 * An instance's own NPUs and the three manager nodes that every Ascend process opens. `hostPath` says which node of
 * the host stands behind one. `rwm` is Docker's default; the driver refuses less.
 */
export function npuDevices(npus: readonly number[], hostPath = (node: string): string => node): DevicePlan[] {
  const nodes = [...npus.map((npu) => `/dev/davinci${npu}`), ...managers];
  return nodes.map((node) => ({ hostPath: hostPath(node), containerPath: node, permissions: "rwm" }));
}
