import { stackLabel } from "../planning/container/settings.ts";
import { headNameOf } from "../planning/member-name.ts";
import type { ContainerPlan, KubernetesPlan, Plan, Role } from "../planning/plan.ts";
import type { Labels, ObjectMeta } from "./object.ts";

/** A Plan that has a cluster. */
export type ClusterPlan = Plan & { readonly kubernetes: KubernetesPlan };

export const roleLabel = "ascend-pd.role";
/** Its value is the name of the instance that a pod is of: all of several hosts have the same. */
export const instanceLabel = "ascend-pd.instance";
/** Of pods with an API; its value is "true". */
export const apiLabel = "ascend-pd.api";

/** What every object of a stack is found by. */
export const stackLabels = (stack: string): Labels => ({
  "app.kubernetes.io/part-of": "ascend-pd",
  [stackLabel]: stack,
});

export const roleLabels = (stack: string, role: Role): Labels => ({
  ...stackLabels(stack),
  [roleLabel]: role,
});

export const instanceLabels = (
  stack: string,
  { name, role }: Pick<ContainerPlan, "name" | "role">,
): Labels => ({
  ...roleLabels(stack, role),
  [instanceLabel]: headNameOf(name),
});

export const metadata = ({ stack, kubernetes }: ClusterPlan, name: string, labels?: Labels): ObjectMeta => ({
  name,
  namespace: kubernetes.namespace,
  labels: labels ?? stackLabels(stack),
});

/** The Service by which the instances of a role are found. */
export const roleService = (stack: string, role: Role): string => `${stack}-${role}`;

/** The Secret with the values of `secretEnv`; the stack file has only their names. */
export const secretName = (stack: string): string => `${stack}-env`;

/**
 * Of the cluster, not of a namespace: two stacks of one name in two namespaces have two. By dots, which neither has: stack `b-c` in
 * namespace `a` has others than stack `c` in `a-b`.
 */
export const priorityClassName = ({ stack, kubernetes }: ClusterPlan, role: Role): string =>
  `${kubernetes.namespace}.${stack}.${role}`;
