import { isDeepStrictEqual } from "node:util";
import type { ContainerPlan } from "../planning/plan.ts";
import { nodeOf } from "./container.ts";
import { type ClusterPlan, instanceLabel, metadata } from "./names.ts";
import type { KubernetesObject } from "./object.ts";
import type { PodTemplate } from "./pod.ts";
import { engineRoles } from "./services.ts";

/**
 * Kthena's form: all instances of a role from one template, on any of their nodes. PD191 has shown that they are alike but for node and
 * address, and the pod learns the address from where it comes to be.
 */
export function modelServing(
  plan: ClusterPlan,
  instances: readonly ContainerPlan[],
  template: (one: ContainerPlan) => PodTemplate,
): KubernetesObject {
  const roles = engineRoles.map((role) => {
    const own = instances.filter((one) => one.role === role);
    const nodes = own.flatMap(({ host }) => nodeOf(plan, host)?.name ?? []);
    const [first, ...others] = own.map((one) => onAnyOf(nodes, addressOf(plan, one), template(one)));
    if (others.some((one) => !isDeepStrictEqual(one, first)))
      throw new Error(`${role} instances are not alike`);
    return { name: role, replicas: own.length, entryTemplate: first, workerReplicas: 0 };
  });
  return {
    apiVersion: "workload.serving.volcano.sh/v1alpha1",
    kind: "ModelServing",
    metadata: metadata(plan, plan.stack),
    spec: {
      replicas: 1,
      schedulerName: plan.kubernetes.schedulerName ?? "default-scheduler",
      recoveryPolicy: "RoleRecreate",
      template: {
        // None of both alone is of use; more of them come when they can.
        gangPolicy: { minRoleReplicas: Object.fromEntries(engineRoles.map((role) => [role, 1])) },
        roles,
      },
    },
  };
}

const addressOf = ({ hosts }: ClusterPlan, { host }: ContainerPlan) =>
  hosts.find(({ name }) => name === host)?.address;

/** The template of one instance for all that are like it: with the node's address in place of one node's, which must be its InternalIP. */
function onAnyOf(
  nodes: readonly string[],
  address: string | undefined,
  { metadata, spec }: PodTemplate,
): PodTemplate {
  const { [instanceLabel]: _, ...labels } = metadata.labels;
  const {
    nodeSelector: __,
    containers,
    ...others
  } = spec as { nodeSelector?: object; containers: Container[] };
  const required = {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [...nodes] }] },
    ],
  };
  return {
    metadata: { ...metadata, labels },
    spec: {
      ...others,
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
      containers: containers.map(({ env, ...container }) => ({
        ...container,
        env: env.map(({ name, value, ...from }) =>
          value === address
            ? { name, valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } }
            : { name, ...(value !== undefined && { value }), ...from },
        ),
      })),
    },
  };
}

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}
