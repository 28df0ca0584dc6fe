import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Plan, Role } from "../planning/plan.ts";
import { apiObject, graceOf, inCluster, type WholeObject } from "./api-object.ts";
import { inTurn } from "./in-turn.ts";
import { probe } from "./probe.ts";

export interface ClusterDeploymentArgs {
  readonly plan: Plan;
  readonly context: string | undefined;
  /** In the order in which they are applied: the instances' workloads, then the scheduler's, last. */
  readonly objects: readonly WholeObject[];
}

/**
 * The whole deployment on a cluster: its objects, for each workload the gate that opens when its pods are ready, and one
 * real completion as acceptance. Instances are ready before the scheduler comes, and go after it has gone.
 */
export class ClusterDeployment extends pulumi.ComponentResource {
  readonly endpoint: pulumi.Output<string>;

  constructor(
    name: string,
    { plan, context, objects }: ClusterDeploymentArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("ascend-pd:index:ClusterDeployment", name, { stack: plan.stack, endpoint: plan.endpoint }, options);
    const parent = { parent: this };
    const common = objects.filter((one) => !isWorkload(one)).map((one) => apiObject(context, one, parent));
    const renewedOfRole = new Map<Role, pulumi.Resource>();
    const instances: pulumi.Resource[] = [];
    for (const object of objects.filter(({ kind }) => kind === "StatefulSet")) {
      const container = containerOf(plan, object);
      const applied = apiObject(context, object, { ...parent, dependsOn: common });
      const asked = inCluster(context, object, container.startTimeoutSeconds + graceOf(object));
      const changes = [definitionOf(object)];
      // What is in use is made anew one by one; at first nothing is, so that all models load side by side.
      const renewed = probe(`${container.name}-renewed`, "renew-pods", asked, changes, {
        ...parent,
        dependsOn: inTurn(renewedOfRole.get(container.role), [applied]),
      });
      renewedOfRole.set(container.role, renewed);
      instances.push(
        probe(`${container.name}-ready`, "await-pods", asked, changes, { ...parent, dependsOn: renewed }),
      );
    }
    const scheduler = plan.containers.find(({ role }) => role === "scheduler");
    const deployment = objects.find(({ kind }) => kind === "Deployment");
    if (scheduler === undefined || deployment === undefined)
      throw new Error(`there is no scheduler among the objects of ${plan.stack}`);
    const applied = apiObject(context, deployment, { ...parent, dependsOn: [...common, ...instances] });
    const changes = [definitionOf(deployment)];
    const asked = inCluster(context, deployment, scheduler.startTimeoutSeconds + graceOf(deployment));
    const ready = probe(`${scheduler.name}-ready`, "await-pods", asked, changes, {
      ...parent,
      dependsOn: applied,
    });
    const accepted = probe(
      `${scheduler.name}-first-completion`,
      "first-completion-in-cluster",
      {
        ...(context !== undefined && { context }),
        service: {
          namespace: deployment.metadata.namespace ?? "default",
          service: scheduler.name,
          port: scheduler.port,
        },
        api: plan.api,
        model: plan.servedModelName,
        timeoutSeconds: 120,
      },
      objects.filter(isWorkload).map(definitionOf),
      { ...parent, dependsOn: ready },
    );
    this.endpoint = pulumi.output(accepted.urn).apply(() => plan.endpoint);
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

const isWorkload = ({ kind }: WholeObject): boolean => kind === "StatefulSet" || kind === "Deployment";

function containerOf({ containers }: Plan, { metadata }: WholeObject) {
  const container = containers.find(({ name }) => name === metadata.name);
  if (container === undefined) throw new Error(`${metadata.name} is of no container of the Plan`);
  return container;
}

/** Changes with all that its pods are made from. */
const definitionOf = (object: WholeObject): string =>
  createHash("sha256")
    .update(JSON.stringify((object as { spec?: { template?: unknown } }).spec?.template))
    .digest("hex")
    .slice(0, 16);
