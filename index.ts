import * as pulumi from "@pulumi/pulumi";
import { PdDeployment } from "./components/deployment.ts";
import { leftContainers } from "./components/left-containers.ts";
import { idleCredentials, secretMistakes } from "./components/secrets.ts";
import { wantedHosts } from "./host-checks/wanted.ts";
import { obstacles } from "./hosts/obstacles.ts";
import { stopsOfPreview } from "./hosts/reach.ts";
import { unfitHosts } from "./hosts/unfit-hosts.ts";
import manifest from "./package.json" with { type: "json" };
import { plan } from "./planning/make-plan.ts";
import { identityOf, predecessors } from "./planning/predecessors.ts";
import { formatProblems } from "./problems/problem.ts";

const stack = pulumi.getStack();
const stackFile = `stacks/Pulumi.${stack}.yaml`;
const result = plan(stack, new pulumi.Config().getObject("deployment"));

if ("problems" in result) throw new pulumi.RunError(formatProblems(stackFile, result.problems));
if (result.plan.kubernetes !== undefined) {
  throw new pulumi.RunError(
    `${stackFile}: its target is a Kubernetes cluster, which this program does not apply to yet\n` +
      `fix: ascend-pd render kubernetes ${stack} | kubectl apply --server-side --field-manager=ascend-pd --filename -`,
  );
}
const mistakes = secretMistakes(result.plan);
if (mistakes.length > 0) throw new pulumi.RunError(mistakes.map((one) => `${stackFile}: ${one}`).join("\n"));
if (result.warnings.length > 0) pulumi.log.warn(formatProblems(stackFile, result.warnings));
for (const message of idleCredentials(result.plan)) pulumi.log.warn(`${stackFile}: ${message}`);

// Pulumi has one made with every promise; by source maps, of which there are none here, they took a sixth of a preview.
Reflect.deleteProperty(Error, "prepareStackTrace");
// And each keeps its stack: with its first line only, a preview of 20 hosts costs half a second less.
Error.stackTraceLimit = 1;

const isPreview = pulumi.runtime.isDryRun();
if (isPreview) {
  const stops = await stopsOfPreview(result.plan.hosts);
  if (stops.length > 0) throw new pulumi.RunError(stops.join("\n"));
}

// A preview needs no host behind ssh, and waits for none; an `up` that meets one of these half-way would leave the others
// half changed.
const looking = obstacles(result.plan);
if (!isPreview) {
  const inTheWay = await looking;
  const reasons = inTheWay.length > 0 ? inTheWay : await unfitHosts(wantedHosts(result));
  if (reasons.length > 0) throw new pulumi.RunError(reasons.join("\n"));
}

const deployment = new PdDeployment(stack, {
  plan: result.plan,
  predecessors: predecessors(await leftContainers(), result.plan.containers),
  nodeImage: `ascend-pd/node:${manifest.dependencies.node}`,
});

if (isPreview) for (const message of await looking) pulumi.log.warn(message);

export const endpoint = deployment.endpoint;
export const model = result.plan.servedModelName;
export const containers = result.plan.containers.map(identityOf);
