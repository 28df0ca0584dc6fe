import type { ClusterPlan } from "../kubernetes/names.ts";
import { kubernetesObjects } from "../kubernetes/objects.ts";
import { ClusterDeployment } from "./cluster-deployment.ts";
import { tryOnCluster } from "./cluster-trial.ts";

/** The same containers as pods of a cluster, tried there before any resource is declared. */
export async function onCluster(stack: string, plan: ClusterPlan): Promise<ClusterDeployment> {
  const { context } = plan.kubernetes;
  const objects = kubernetesObjects(plan);
  await tryOnCluster(context, objects);
  return new ClusterDeployment(stack, { plan, context, objects });
}
