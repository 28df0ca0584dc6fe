import { isHead } from "../planning/layout.ts";
import type { ContainerPlan } from "../planning/plan.ts";
import { type ClusterPlan, instanceLabel, instanceLabels, metadata, roleService } from "./names.ts";
import type { KubernetesObject } from "./object.ts";
import type { PodTemplate } from "./pod.ts";

/**
 * A StatefulSet for each container of an instance, since each has a command and a node of its own: with one for all hosts of an
 * instance, their pods would have one template. They are placed together or not at all by their PodGroup.
 */
export function statefulSet(plan: ClusterPlan, one: ContainerPlan, template: PodTemplate): KubernetesObject {
  const labels = instanceLabels(plan.stack, one);
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadata(plan, one.name, labels),
    spec: {
      replicas: 1,
      serviceName: roleService(plan.stack, one.role),
      podManagementPolicy: "Parallel",
      // A changed template waits until somebody has drained the instance and deletes its pod. Two never hold the NPUs.
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: { ...labels, [containerLabel]: one.name } },
      template: withLabel(template, one.name),
    },
  };
}

/** Its value is the name of the container in the Plan, of which there is one pod. */
const containerLabel = "ascend-pd.container";

const withLabel = ({ metadata: { labels, ...metadata }, spec }: PodTemplate, name: string): PodTemplate => ({
  metadata: { labels: { ...labels, [containerLabel]: name }, ...metadata },
  spec,
});

/** Of an instance over several hosts with Volcano: none of its pods holds NPUs while another finds none. */
export function podGroups(plan: ClusterPlan): KubernetesObject[] {
  if (plan.kubernetes.schedulerName !== "volcano") return [];
  return plan.containers
    .filter((one) => isHead(one) && one.member !== undefined)
    .map((head) => {
      const labels = instanceLabels(plan.stack, head);
      const members = plan.containers.filter(({ member }) => member?.of === head.name);
      const npus = members.reduce((sum, one) => sum + one.npus.length, 0);
      const resource = plan.hosts.find(({ name }) => name === head.host)?.node?.npus?.resource;
      return {
        apiVersion: "scheduling.volcano.sh/v1beta1",
        kind: "PodGroup",
        metadata: metadata(plan, labels[instanceLabel] ?? head.name, labels),
        spec: {
          minMember: members.length,
          ...(resource !== undefined && { minResources: { [resource]: String(npus) } }),
        },
      };
    });
}
