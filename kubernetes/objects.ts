import type { ContainerPlan, ImagePlan, KubernetesPlan } from "../planning/plan.ts";
import { configFiles } from "./config-maps.ts";
import { inferServiceSet } from "./infer-service-set.ts";
import { modelServing } from "./model-serving.ts";
import { type ClusterPlan, metadata, roleLabels } from "./names.ts";
import type { KubernetesObject } from "./object.ts";
import { podGroups, statefulSet } from "./plain.ts";
import { type PodTemplate, podTemplate } from "./pod.ts";
import {
  disruptionBudgets,
  headlessServices,
  networkPolicies,
  priorityClasses,
  schedulerService,
} from "./services.ts";

export { type ClusterPlan, secretName } from "./names.ts";
export type { KubernetesObject } from "./object.ts";

/** What the nodes pull for an image of a Plan. */
export type ImageName = (image: ImagePlan) => string;

/**
 * Everything that a cluster has to have for a Plan, in the order in which it is applied: what others name stands before them, the
 * scheduler last. Pure; the same Plan gives the same objects.
 */
export function kubernetesObjects(
  plan: ClusterPlan,
  imageName: ImageName = registryName(plan),
): KubernetesObject[] {
  const files = configFiles(plan);
  const template = (one: ContainerPlan) => podTemplate(plan, one, files, imageName(one.image));
  const instances = plan.containers.filter(({ role }) => role !== "scheduler");
  const scheduler = plan.containers.filter(({ role }) => role === "scheduler");
  return [
    ...priorityClasses(plan),
    ...files.objects,
    ...headlessServices(plan),
    schedulerService(plan),
    ...networkPolicies(plan),
    ...disruptionBudgets(plan),
    ...forms[plan.kubernetes.form](plan, instances, template),
    ...scheduler.map((one) => deployment(plan, one, template(one))),
  ];
}

type FormOf = (
  plan: ClusterPlan,
  instances: readonly ContainerPlan[],
  template: (one: ContainerPlan) => PodTemplate,
) => KubernetesObject[];

const forms: Readonly<Record<KubernetesPlan["form"], FormOf>> = {
  plain: (plan, instances, template) => [
    ...podGroups(plan),
    ...instances.map((one) => statefulSet(plan, one, template(one))),
  ],
  "infer-service-set": (...all) => [inferServiceSet(...all)],
  "model-serving": (...all) => [modelServing(...all)],
};

/** Images that are made from this repository have the stack's name as tag, in the registry of the stack file. */
export const registryName =
  ({ stack, kubernetes: { registry } }: ClusterPlan): ImageName =>
  (image) => {
    if (image.kind === "reference") return image.name;
    const name =
      image.kind === "source" ? `${image.folder}:${stack}` : image.name.replace(/^ascend-pd\//, "");
    return `${registry}/${name}`;
  };

/** Of the scheduler there is one: a second would count another half of the load. The old one is gone before the new one comes. */
const deployment = (plan: ClusterPlan, one: ContainerPlan, template: PodTemplate): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: metadata(plan, one.name, roleLabels(plan.stack, "scheduler")),
  spec: {
    replicas: 1,
    strategy: { type: "Recreate" },
    selector: { matchLabels: roleLabels(plan.stack, "scheduler") },
    template,
  },
});
