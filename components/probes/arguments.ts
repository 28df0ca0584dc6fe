import type { ApiObject } from "../../cluster/objects.ts";
import type { ProxiedService } from "../../cluster/proxy.ts";
import type { Administered } from "../../hosts/administered.ts";
import type { HostPlan } from "../../planning/plan.ts";

/** An instance, and the scheduler that sends it requests. */
export interface Membership {
  readonly scheduler: Administered;
  readonly role: "prefill" | "decode";
  /** Where the scheduler reaches it: `10.0.0.18:8088`. */
  readonly address: string;
  readonly api: "openai" | "vllm";
  readonly model: string;
  readonly ready: ProbeArguments["await-ready"];
}

/** An object of a cluster, by name; what is to be in it, if anything, comes by standard input. */
export interface InCluster {
  /** Of the kubeconfig; absent: its current one. */
  readonly context?: string;
  readonly object: ApiObject;
  readonly timeoutSeconds: number;
}

/** What each probe is told, as JSON in the environment variable PROBE. */
export interface ProbeArguments {
  "claim-npus": {
    readonly host: HostPlan;
    /** Container that the devices are for; its own hold on them is no conflict. */
    readonly container: string;
    /** Device nodes on the host. */
    readonly devices: readonly string[];
    /** Image that the host must have or can pull; absent where it is built on the host. */
    readonly image?: string;
  };
  "define-instance": { readonly definition: string };
  "await-ready": {
    readonly host: HostPlan;
    readonly container: string;
    readonly url: string;
    readonly timeoutSeconds: number;
    /** Who signed what is shown there, where that is no authority that everybody trusts. */
    readonly ca?: string;
  };
  "await-running": { readonly host: HostPlan; readonly container: string };
  /** Of `SchedulerTables`, by standard input: they may be longer than a variable can be. */
  announce: { readonly scheduler: Administered };
  settle: { readonly scheduler: Administered };
  /** The key that the instance asks for, if any, by standard input: an environment is kept, and read by others. */
  join: Membership;
  drain: Membership;
  "first-completion": {
    readonly url: string;
    readonly api: "openai" | "vllm";
    readonly model: string;
    readonly timeoutSeconds: number;
    readonly ca?: string;
    /** Whom a pass is to be had from, where clients are asked for keys. */
    readonly passFrom?: Administered;
  };
  "apply-object": InCluster;
  "remove-object": InCluster;
  "renew-pods": InCluster;
  "await-pods": InCluster;
  "first-completion-in-cluster": {
    readonly context?: string;
    readonly service: ProxiedService;
    readonly api: "openai" | "vllm";
    readonly model: string;
    readonly timeoutSeconds: number;
  };
  "assembled-image": {
    readonly host: HostPlan;
    /** Its name. */
    readonly image: string;
  };
  "node-image": {
    readonly host: HostPlan;
    /** Name under which the host's engine has it afterwards. */
    readonly image: string;
  };
}

export function probeArguments<Name extends keyof ProbeArguments>(_name: Name): ProbeArguments[Name] {
  const text = process.env.PROBE;
  if (text === undefined) throw new Error("the environment variable PROBE is not set; `pulumi up` sets it");
  return JSON.parse(text);
}
