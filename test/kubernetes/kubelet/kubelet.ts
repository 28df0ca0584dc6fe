import { join } from "node:path";
import { setInterval as every } from "node:timers/promises";
import type { Access } from "../../../cluster/access.ts";
import { call } from "../../../cluster/request.ts";
import { observe } from "./observe.ts";
import { type Place, PodLife } from "./pod.ts";
import type { Pod } from "./pod-spec.ts";

export interface NodeNetwork {
  /** The file of a network namespace. */
  readonly network: string;
  readonly address: string;
}

export interface NodeDescription {
  readonly name: string;
  readonly own: NodeNetwork;
  /** One for each pod that has a network of its own. */
  readonly pods: readonly NodeNetwork[];
  /** Extended resources, as of a device plugin: `{ "huawei.com/Ascend910": "8" }`. */
  readonly resources: Readonly<Record<string, string>>;
  /** Where the pods' files lie. */
  readonly folder: string;
}

/**
 * A node without a machine: an object that stays ready, and in place of a kubelet one that runs the pods which the cluster puts
 * there as processes, in real networks, and does with them as a kubelet does, or says why not.
 */
export async function startKubelet(access: Access, node: NodeDescription) {
  const lives = new Map<string, { life: PodLife; slot: NodeNetwork | undefined; ending?: Promise<void> }>();
  const stopped = new AbortController();
  const failures: unknown[] = [];
  await register(access, node);
  await setReady(access, node);
  const beating = (async () => {
    for await (const _ of every(5_000, undefined, { signal: stopped.signal })) await setReady(access, node);
  })().catch(() => {});
  const query = { fieldSelector: `spec.nodeName=${node.name}` };
  const watching = observe<Pod>(access, "/api/v1/pods", query, look, stopped.signal).catch((error) => {
    if (!stopped.signal.aborted) failures.push(error);
  });

  function look(pods: readonly Pod[]): void {
    for (const pod of pods) {
      const { uid, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
      const known = lives.get(uid);
      if (deletionTimestamp === undefined) {
        if (known === undefined) admit(pod);
      } else if (known?.ending === undefined) {
        const { life, slot } = known ?? {
          life: new PodLife(access, placeOf(pod, node.own), pod),
          slot: undefined,
        };
        const ending = life.end(deletionGracePeriodSeconds).catch((error) => void failures.push(error));
        lives.set(uid, { life, slot, ending });
        void ending.then(() => lives.delete(uid));
      }
    }
  }

  function admit(pod: Pod): void {
    const taken = new Set([...lives.values()].map(({ slot }) => slot));
    const slot = pod.spec.hostNetwork ? undefined : node.pods.find((one) => !taken.has(one));
    if (slot === undefined && !pod.spec.hostNetwork)
      throw new Error(`${node.name} has no network left for a pod`);
    lives.set(pod.metadata.uid, { life: new PodLife(access, placeOf(pod, slot ?? node.own), pod), slot });
  }

  function placeOf({ metadata }: Pod, { network, address }: NodeNetwork): Place {
    return { folder: join(node.folder, metadata.uid), network, address, hostAddress: node.own.address };
  }

  return {
    failures,
    /** As when the node loses power: its pods are gone, and nobody is told. */
    async stop(): Promise<void> {
      stopped.abort();
      for (const { life } of lives.values()) life.kill();
      await Promise.all([beating, watching]);
    },
  };
}

export type Kubelet = Awaited<ReturnType<typeof startKubelet>>;

async function register(access: Access, { name }: NodeDescription): Promise<void> {
  const labels = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/arch": "arm64",
    "kubernetes.io/os": "linux",
  };
  const node = { apiVersion: "v1", kind: "Node", metadata: { name, labels } };
  const { status, text } = await call(access, "/api/v1/nodes", { method: "POST", body: node });
  if (status !== 201) throw new Error(text);
}

/** Also a node whose kubelet does not say so any more is not ready after a while. */
async function setReady(access: Access, { name, own, resources }: NodeDescription): Promise<void> {
  const capacity = { cpu: "64", memory: "512Gi", pods: "110", ...resources };
  const now = new Date().toISOString();
  const condition = { reason: "KubeletReady", message: "", lastHeartbeatTime: now, lastTransitionTime: now };
  const status = {
    capacity,
    allocatable: capacity,
    addresses: [{ type: "InternalIP", address: own.address }],
    conditions: [{ type: "Ready", status: "True", ...condition }],
  };
  await call(access, `/api/v1/nodes/${name}/status`, {
    method: "PATCH",
    type: "application/strategic-merge-patch+json",
    body: { status },
  });
}
