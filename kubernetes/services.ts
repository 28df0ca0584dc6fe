import { isHead } from "../planning/layout.ts";
import type { Role } from "../planning/plan.ts";
import {
  apiLabel,
  type ClusterPlan,
  metadata,
  priorityClassName,
  roleLabels,
  roleService,
  stackLabels,
} from "./names.ts";
import type { KubernetesObject } from "./object.ts";

export const engineRoles = ["decode", "prefill"] as const satisfies readonly Role[];

/** Decode before prefill, since a prefill instance without one that takes its KV cache is of no use. */
export function priorityClasses(plan: ClusterPlan): KubernetesObject[] {
  return engineRoles.map((role, index) => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: priorityClassName(plan, role), labels: roleLabels(plan.stack, role) },
    value: 1000 - index,
    // Only an order among those that wait: nobody's running instance has to go.
    preemptionPolicy: "Never",
    globalDefault: false,
  }));
}

/** The instances of a role with an API, each under its own address: also before it is ready, since others wait for it. */
export const headlessServices = (plan: ClusterPlan): KubernetesObject[] =>
  engineRoles.map((role) => {
    const labels = roleLabels(plan.stack, role);
    const port = plan.containers.find((one) => one.role === role && isHead(one))?.port;
    return {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(plan, roleService(plan.stack, role), labels),
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: { ...labels, [apiLabel]: "true" },
        ports: [{ name: "api", port, targetPort: "api" }],
      },
    };
  });

export function schedulerService(plan: ClusterPlan): KubernetesObject {
  const labels = roleLabels(plan.stack, "scheduler");
  const port = plan.containers.find(({ role }) => role === "scheduler")?.port;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(plan, roleService(plan.stack, "scheduler"), labels),
    spec: { selector: labels, ports: [{ name: "api", port, targetPort: "api" }] },
  };
}

/** A node is emptied with one instance of a role away at a time. None for the one scheduler: it would keep its node from being emptied. */
export const disruptionBudgets = (plan: ClusterPlan): KubernetesObject[] =>
  engineRoles.map((role) => {
    const labels = roleLabels(plan.stack, role);
    return {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: metadata(plan, roleService(plan.stack, role), labels),
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    };
  });

/**
 * Only the scheduler reaches the instances, which reach each other for KV cache; clients reach the scheduler's one port. Network
 * policies do not hold pods that share their node's network: see docs/kubernetes.md.
 */
export function networkPolicies(plan: ClusterPlan): KubernetesObject[] {
  const policy = (name: string, role: object, ingress: object): KubernetesObject => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(plan, name),
    spec: { podSelector: role, policyTypes: ["Ingress"], ingress: [ingress] },
  });
  const engines = {
    matchLabels: stackLabels(plan.stack),
    matchExpressions: [{ key: "ascend-pd.role", operator: "In", values: [...engineRoles] }],
  };
  return [
    policy(`${plan.stack}-engines`, engines, {
      from: [{ podSelector: { matchLabels: stackLabels(plan.stack) } }],
    }),
    policy(
      roleService(plan.stack, "scheduler"),
      { matchLabels: roleLabels(plan.stack, "scheduler") },
      { ports: [{ protocol: "TCP", port: "api" }] },
    ),
  ];
}
