import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findAccess } from "../../../cluster/access.ts";
import { makeNamespace, removeNamespace } from "../../../toolchain/local-hosts/namespace.ts";
import { connect } from "../../../toolchain/local-hosts/network.ts";
import { type Kubelet, type NodeNetwork, startKubelet } from "../kubelet/kubelet.ts";
import type { Cluster } from "./cluster.ts";

export interface TestNode {
  readonly name: string;
  readonly address: string;
  readonly kubelet: Kubelet;
}

/** Networks of a node's pods that do not share its own. */
const podNetworks = 3;

/** Nodes with eight NPUs each, called node-0 and so on, in one network with this machine. */
export async function startNodes(cluster: Cluster, count: number) {
  const folder = join(cluster.folder, "nodes");
  await mkdir(folder);
  const names = Array.from({ length: count }, (_, index) => `node-${index}`);
  const files = names.flatMap((name) =>
    ["own", ...Array.from({ length: podNetworks }, (_, index) => `pod-${index}`)].map((one) =>
      join(folder, `${name}-${one}`),
    ),
  );
  for (const file of files) await makeNamespace(file);
  const addresses = await connect(folder, files);
  const networks = files.map(
    (network, index): NodeNetwork => ({ network, address: addresses[index]?.ipv4 ?? "" }),
  );
  const access = await findAccess("admin", { KUBECONFIG: cluster.kubeconfig });
  const nodes: TestNode[] = [];
  for (const name of names) {
    const [own, ...pods] = networks.splice(0, 1 + podNetworks);
    if (own === undefined) throw new Error(`${name} has no network`);
    const kubelet = await startKubelet(access, {
      ...{ name, own, pods, folder: join(folder, name) },
      resources: { "huawei.com/Ascend910": "8" },
    });
    nodes.push({ name, address: own.address, kubelet });
  }
  return {
    nodes,
    async dispose(): Promise<void> {
      for (const { kubelet } of nodes) await kubelet.stop();
      for (const file of [...files, join(folder, "switch")]) await removeNamespace(file);
    },
  };
}
