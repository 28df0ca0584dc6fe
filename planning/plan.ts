/**
 * The Plan: everything a renderer needs to know, decided. Plain and serialisable; the same stack file always
 * gives the same bytes. Renderers (components/, `docker run` lines, …) take from it and decide nothing.
 */

import type { Form } from "./stack-file/target.ts";

export type InstanceRole = "prefill" | "decode";
export type ServingRole = InstanceRole | "scheduler";
export type MonitoringRole = "prometheus" | "grafana";
export type Role = ServingRole | MonitoringRole;

/** Whether it is one of those that compute. */
export const isInstance = <T extends { readonly role: string }>(
  one: T,
): one is T & { readonly role: InstanceRole } => one.role === "prefill" || one.role === "decode";

/** Whether it only looks at the others. */
export const isMonitoring = <T extends { readonly role: string }>(
  one: T,
): one is T & { readonly role: MonitoringRole } => one.role === "prometheus" || one.role === "grafana";

export interface Plan {
  readonly stack: string;
  /** The cluster that runs the containers; absent: the hosts' Docker Engines do. */
  readonly kubernetes?: KubernetesPlan;
  readonly hosts: readonly HostPlan[];
  /**
   * In start order: every prefill, every decode (the order of the global rank table and NODE_PORTS), scheduler, and
   * what looks at them. Of an instance over several hosts its head, then its other members.
   */
  readonly containers: readonly ContainerPlan[];
  readonly rankTables: RankTablesPlan;
  /** Where clients send requests, e.g. `http://10.0.0.18:9000`. */
  readonly endpoint: string;
  /** PEM text of the authority that signed the certificate shown there; absent: one that everybody trusts, or plain HTTP. */
  readonly ca?: string;
  /** Names the model answers to; what clients put into `model`. */
  readonly servedModelName: string;
  /** What clients find at `endpoint`: OpenAI's API, or vLLM's own (`/generate`). */
  readonly api: "openai" | "vllm";
  /** Socket inside the scheduler's container that instances are drained and joined by; absent: it cannot do that. */
  readonly adminSocket?: string;
}

export interface HostPlan {
  /** Stable name of the host; never changes when its address does. */
  readonly name: string;
  readonly address: string;
  /** `unix://…` or `ssh://user@host[:port]`; absent: the engine that DOCKER_HOST names, else the default socket. */
  readonly docker?: string;
  /** Pinned public host key (`ssh-ed25519 AAAA…`), only with `ssh://`. */
  readonly hostKey?: string;
  /** What it is to the cluster; absent: it is none of its nodes. */
  readonly node?: NodePlan;
}

export interface KubernetesPlan {
  readonly namespace: string;
  /** Of the kubeconfig; absent: its current one. */
  readonly context?: string;
  readonly form: Form;
  /** Registry and path of the images of kind `source`. */
  readonly registry: string;
  /** Name of the Secret with the registries' credentials. */
  readonly pullSecret?: string;
  /** The mount that has the weights: a folder of the hosts, for which a PersistentVolumeClaim may stand. */
  readonly weights?: { readonly source: string; readonly claim?: string };
  /** Places the pods of instances; absent: the cluster's own. */
  readonly schedulerName?: string;
  /** How long a prefill instance keeps KV cache that nobody fetches. */
  readonly kvLeaseSeconds: number;
}

export interface NodePlan {
  readonly name: string;
  /** How pods ask for its NPUs; absent: they ask for none. */
  readonly npus?: NpuResourcePlan;
}

export interface NpuResourcePlan {
  /** Name of the extended resource: `huawei.com/Ascend910`. */
  readonly resource: string;
  /** Label `ring-controller.atlas` and annotation `huawei.com/schedule_policy` of MindCluster; absent: it has none for those NPUs. */
  readonly ring?: string;
  readonly policy?: string;
}

export interface ContainerPlan {
  /** `<stack>-<name>`, of an instance without a name `2p2d-decode-1` by its place; the scheduler is `<stack>-scheduler`. */
  readonly name: string;
  readonly role: Role;
  readonly host: string;
  /** Of an instance over several hosts; all others are one container. */
  readonly member?: MemberPlan;
  readonly image: ImagePlan;
  /** Arguments after the image's entry point, or the whole command where the image has none. */
  readonly command: readonly string[];
  /** Sorted by name. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of more variables, sorted, whose values are secrets and stand in no Plan. */
  readonly secretEnv?: readonly string[];
  /** Physical NPU ids in rank order: position is `rank_id`. Empty for the scheduler, and where the engine has none. */
  readonly npus: readonly number[];
  readonly devices: readonly DevicePlan[];
  readonly mounts: readonly MountPlan[];
  /** What it keeps when it is made anew; absent: nothing. */
  readonly volumes?: readonly VolumePlan[];
  /** Placed in the container before it starts; those of a scheduler with an administration are renewed in it. */
  readonly files: readonly FilePlan[];
  readonly user?: string;
  /** Most memory that it may use, in MiB; absent: all there is. */
  readonly memoryMib?: number;
  /** Size of /dev/shm in MiB; absent: what the Docker Engine gives. */
  readonly sharedMemoryMib?: number;
  /** Whose shared memory, semaphores and message queues; absent: its own. */
  readonly ipc?: "host";
  /** Resource limits by name (`nofile`), sorted, soft and hard, -1 for none; absent: what the Docker Engine gives. */
  readonly ulimits?: Readonly<Record<string, number>>;
  /** Runs without any capability and can gain none: for images of ours, which need none. */
  readonly restricted: boolean;
  /** Port that the container listens on, on the host's network; of a member without an API, one for KV transfer. */
  readonly port: number;
  /** Where it listens, `0.0.0.0` for all addresses; absent: where its host's address leads. */
  readonly address?: string;
  /** Whether it answers on that port by TLS alone. */
  readonly tls?: true;
  /** Answers 200 when the container can take requests. */
  readonly readyPath: string;
  /** Seconds from start until `readyPath` must have answered. */
  readonly startTimeoutSeconds: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly stopTimeoutSeconds: number;
}

export interface MemberPlan {
  /** 0: the head, which has the API. */
  readonly index: number;
  /** Name of the head. */
  readonly of: string;
  /** Hash of all members, equal on all: when one changes, all are made anew. */
  readonly definition: string;
}

/**
 * `reference`: an image the host has or can pull. `source`: built from this repository, by that folder's name.
 * `assembled`: made from packages where the host does not have it.
 */
export type ImagePlan =
  | { readonly kind: "reference"; readonly name: string }
  | { readonly kind: "assembled"; readonly name: string }
  | { readonly kind: "source"; readonly folder: "scheduler" | "simulator" };

export interface DevicePlan {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly permissions: "rwm";
}

export interface MountPlan {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A volume of the Docker Engine, made with the container and gone with the stack. */
export interface VolumePlan {
  readonly name: string;
  readonly target: string;
}

export interface FilePlan {
  readonly path: string;
  readonly content: string;
}

export interface RankTablesPlan {
  readonly global: FilePlan;
  /** One per instance and the scheduler, in the order of `Plan.containers`; the scheduler's names the service entry. */
  readonly local: readonly FilePlan[];
  /** Ports and names of the instances, which a scheduler of ours takes from a file, so that they can change while it runs. */
  readonly nodePorts?: FilePlan;
  /** Hashes of the keys that a scheduler of ours asks clients for, which can change likewise; absent: it asks for none. */
  readonly apiKeys?: FilePlan;
}
