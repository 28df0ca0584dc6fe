import * as pulumi from "@pulumi/pulumi";
import { wantedHosts } from "../host-checks/wanted.ts";
import { obstacles } from "../hosts/obstacles.ts";
import { stopsOfPreview } from "../hosts/reach.ts";
import { unfitHosts } from "../hosts/unfit-hosts.ts";
import { plan as makePlan, type Planned } from "../planning/make-plan.ts";
import { type Identity, identityOf, predecessors } from "../planning/predecessors.ts";
import { formatProblems } from "../problems/problem.ts";
import type { ClusterDeployment } from "./cluster-deployment.ts";
import { PdDeployment } from "./deployment.ts";
import { leftContainers } from "./left-containers.ts";
import { onCluster } from "./on-cluster.ts";
import { idleCredentials, secretMistakes } from "./secrets.ts";

/** What a program has of a stack file that it has deployed. */
export interface Deployed {
  /** For `dependsOn`: complete once a completion came back through the scheduler. */
  readonly deployment: PdDeployment | ClusterDeployment;
  /** The scheduler's URL, known at the same time. */
  readonly endpoint: pulumi.Output<string>;
  /** What clients put into `model`. */
  readonly model: string;
  /** Export it under this name: by it the next `up` knows a renamed instance again. */
  readonly containers: readonly Identity[];
}

/**
 * The whole program of a stack: reads `ascend-pd:deployment` of its configuration, checks it by every rule, looks at the
 * hosts, and declares everything. Once a program, for resources are named by hosts and instances. Throws
 * `pulumi.RunError` with all that is wrong, before anything is touched.
 */
export async function deploy(): Promise<Deployed> {
  const stack = pulumi.getStack();
  const stackFile = `stacks/Pulumi.${stack}.yaml`;
  const result = makePlan(stack, new pulumi.Config("ascend-pd").getObject("deployment"));
  if ("problems" in result) throw new pulumi.RunError(formatProblems(stackFile, result.problems));
  const { plan, warnings } = result;
  const mistakes = secretMistakes(plan);
  if (mistakes.length > 0)
    throw new pulumi.RunError(mistakes.map((one) => `${stackFile}: ${one}`).join("\n"));
  if (warnings.length > 0) pulumi.log.warn(formatProblems(stackFile, warnings));
  for (const message of idleCredentials(plan)) pulumi.log.warn(`${stackFile}: ${message}`);

  // Pulumi has one made with every promise; by source maps, of which there are none here, they took a sixth of a preview.
  Reflect.deleteProperty(Error, "prepareStackTrace");
  // Node's own: the TypeScript that Pulumi loads has made it a hundred.
  Error.stackTraceLimit = Math.min(Error.stackTraceLimit, 10);

  const { kubernetes } = plan;
  const deployment =
    kubernetes === undefined ? await onHosts(stack, result) : await onCluster(stack, { ...plan, kubernetes });
  return {
    deployment,
    endpoint: deployment.endpoint,
    model: plan.servedModelName,
    containers: plan.containers.map(identityOf),
  };
}

/** The containers on the hosts' Docker Engines. Throws where an `up` would stop half-way. */
async function onHosts(stack: string, planned: Planned): Promise<PdDeployment> {
  const { plan } = planned;
  const isPreview = pulumi.runtime.isDryRun();
  if (isPreview) {
    const stops = await stopsOfPreview(plan.hosts);
    if (stops.length > 0) throw new pulumi.RunError(stops.join("\n"));
  }
  // A preview needs no host behind ssh, and waits for none; an `up` that meets one of these half-way would leave the
  // others half changed.
  const looking = obstacles(plan);
  if (!isPreview) {
    const inTheWay = await looking;
    const reasons = inTheWay.length > 0 ? inTheWay : await unfitHosts(wantedHosts(planned));
    if (reasons.length > 0) throw new pulumi.RunError(reasons.join("\n"));
  }
  const deployment = new PdDeployment(stack, {
    plan,
    predecessors: predecessors(await leftContainers(), plan.containers),
  });
  if (isPreview) for (const message of await looking) pulumi.log.warn(message);
  return deployment;
}
