import type { ContainerPlan } from "../planning/plan.ts";
import { shortName } from "../planning/short-name.ts";
import { type ClusterPlan, metadata } from "./names.ts";
import type { KubernetesObject } from "./object.ts";
import { statefulSet } from "./plain.ts";
import type { PodTemplate } from "./pod.ts";

/**
 * MindCluster's form: its operator makes the StatefulSets, decode before prefill, and makes an instance anew whose NPUs fail. Each
 * instance is a role of its own, since it has a node of its own.
 */
export function inferServiceSet(
  plan: ClusterPlan,
  instances: readonly ContainerPlan[],
  template: (one: ContainerPlan) => PodTemplate,
): KubernetesObject {
  const roles = instances.map((one) => {
    const { metadata: own, spec } = statefulSet(plan, one, template(one));
    return {
      name: shortName(one.name, plan.stack),
      replicas: 1,
      // Smaller is earlier.
      priority: one.role === "decode" ? 1 : 2,
      workload: { apiVersion: "apps/v1", kind: "StatefulSet" },
      metadata: { labels: { ...own.labels, "infer.huawei.com/gang-schedule": "true" } },
      spec,
    };
  });
  return {
    apiVersion: "mindcluster.huawei.com/v1",
    kind: "InferServiceSet",
    metadata: metadata(plan, plan.stack),
    spec: { replicas: 1, template: { schedulingStrategy: { type: "Priority" }, roles } },
  };
}
