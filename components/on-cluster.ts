import * as pulumi from "@pulumi/pulumi";
import { hashOf } from "../kubernetes/config-maps.ts";
import type { ClusterPlan } from "../kubernetes/names.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { kubernetesObjects } from "../kubernetes/objects.ts";
import { ClusterDeployment } from "./cluster-deployment.ts";
import { tryOnCluster } from "./cluster-trial.ts";

/** The same containers as pods of a cluster, tried there before any resource is declared. */
export async function onCluster(stack: string, plan: ClusterPlan): Promise<ClusterDeployment> {
  const { context, form } = plan.kubernetes;
  const refuse = (what: string, other: string): never => {
    const rendered = `ascend-pd render kubernetes ${stack} | kubectl apply --server-side --field-manager=ascend-pd --filename -`;
    throw new pulumi.RunError(`stacks/Pulumi.${stack}.yaml: ${what}\nfix: ${rendered}; or ${other}`);
  };
  if (form !== "plain") {
    refuse(`target.form ${form} is rendered, and not applied by this program`, "take form: plain");
  }
  if (plan.rankTables.apiKeys !== undefined) {
    refuse(
      "scheduler.apiKeys: the first completion is asked through the API server, which hands no key on, so `up` would not end",
      "take the keys out",
    );
  }
  const objects = kubernetesObjects(plan).map((object) => withFiles(plan, object));
  await tryOnCluster(context, objects);
  return new ClusterDeployment(stack, { plan, context, objects });
}

/** The scheduler's pod is made anew with its files: nothing tells one that runs on a cluster of new ones. */
function withFiles(plan: ClusterPlan, object: KubernetesObject): KubernetesObject {
  if (object.kind !== "Deployment") return object;
  const files = plan.containers.find(({ role }) => role === "scheduler")?.files ?? [];
  const { template, ...spec } = object.spec as { template: { metadata: { annotations?: object } } };
  const annotations = { ...template.metadata.annotations, "ascend-pd.files": hashOf(files) };
  const metadata = { ...template.metadata, annotations };
  return { ...object, spec: { ...spec, template: { ...template, metadata } } };
}
