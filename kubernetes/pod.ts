import { secretEnvLabel } from "../planning/container/settings.ts";
import { isHead } from "../planning/layout.ts";
import { headNameOf } from "../planning/member-name.ts";
import type { ContainerPlan } from "../planning/plan.ts";
import { type ConfigFiles, hashOf } from "./config-maps.ts";
import { nodeOf, podContainer } from "./container.ts";
import { apiLabel, type ClusterPlan, instanceLabels, priorityClassName } from "./names.ts";
import type { Labels } from "./object.ts";

/** Whatever makes pods of it. */
export interface PodTemplate {
  readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: object;
}

/** The pod of a container. One without a node of its own is the scheduler's, which any node may have. */
export function podTemplate(
  plan: ClusterPlan,
  one: ContainerPlan,
  files: ConfigFiles,
  image: string,
): PodTemplate {
  const { stack, kubernetes } = plan;
  const node = nodeOf(plan, one.host);
  const { container, volumes } = podContainer(plan, one, files.volumeOf(one), image);
  const npus = one.npus.length > 0 ? node?.npus : undefined;
  const annotations: Labels = {
    // The files of a scheduler with an administration are renewed while it runs.
    ...(one.files.length > 0 && node && { "ascend-pd.files": hashOf(one.files) }),
    ...(one.secretEnv && { [secretEnvLabel]: one.secretEnv.join(",") }),
    ...(npus?.policy !== undefined && { "huawei.com/schedule_policy": npus.policy }),
    ...(one.member &&
      kubernetes.schedulerName === "volcano" && { "scheduling.k8s.io/group-name": headNameOf(one.name) }),
  };
  return {
    metadata: {
      labels: {
        ...instanceLabels(stack, one),
        ...(isHead(one) && { [apiLabel]: "true" }),
        ...(npus?.ring !== undefined && { "ring-controller.atlas": npus.ring, ...faultLabels }),
      },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(one.role !== "scheduler" && { priorityClassName: priorityClassName(plan, one.role) }),
      ...(node && {
        ...(kubernetes.schedulerName !== undefined && { schedulerName: kubernetes.schedulerName }),
        nodeSelector: { "kubernetes.io/hostname": node.name },
        hostNetwork: true,
        dnsPolicy: "ClusterFirstWithHostNet",
        ...(one.ipc === "host" && { hostIPC: true }),
      }),
      tolerations,
      terminationGracePeriodSeconds: graceSeconds(plan, one),
      ...(kubernetes.pullSecret !== undefined && { imagePullSecrets: [{ name: kubernetes.pullSecret }] }),
      containers: [container],
      ...(volumes.length > 0 && { volumes }),
    },
  };
}

/** Of MindCluster: a pod of which an NPU fails is deleted and placed anew, ten times at most. */
const faultLabels: Labels = {
  "fault-scheduling": "grace",
  "fault-retry-times": "10",
  "pod-rescheduling": "on",
};

/** A node that is lost keeps its pods for half a minute, not for Kubernetes' five. */
const tolerations = ["not-ready", "unreachable"].map((what) => ({
  key: `node.kubernetes.io/${what}`,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 30,
}));

/** An instance ends what it was asked, as long as the scheduler waits for it, and keeps what decode has not fetched. */
export function graceSeconds(
  { containers, kubernetes }: ClusterPlan,
  { role, stopTimeoutSeconds }: ContainerPlan,
): number {
  if (role === "scheduler") return stopTimeoutSeconds;
  const drain = containers.at(-1)?.stopTimeoutSeconds ?? 0;
  return drain + (role === "prefill" ? kubernetes.kvLeaseSeconds : 0) + stopTimeoutSeconds;
}
