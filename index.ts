import * as pulumi from "@pulumi/pulumi";
import { PdDeployment } from "./components/deployment.ts";
import { secretMistakes } from "./components/secrets.ts";
import { wantedHosts } from "./host-checks/wanted.ts";
import { obstacles } from "./hosts/obstacles.ts";
import { unfitHosts } from "./hosts/unfit-hosts.ts";
import manifest from "./package.json" with { type: "json" };
import { plan } from "./planning/make-plan.ts";
import { formatProblems } from "./problems/problem.ts";

const stack = pulumi.getStack();
const stackFile = `stacks/Pulumi.${stack}.yaml`;
const result = plan(stack, new pulumi.Config().getObject("deployment"));

if ("problems" in result) throw new pulumi.RunError(formatProblems(stackFile, result.problems));
const mistakes = secretMistakes(result.plan);
if (mistakes.length > 0) throw new pulumi.RunError(mistakes.map((one) => `${stackFile}: ${one}`).join("\n"));
if (result.warnings.length > 0) pulumi.log.warn(formatProblems(stackFile, result.warnings));

// A preview needs no host; an `up` that meets one of these half-way would leave the others half changed.
const inTheWay = await obstacles(result.plan);
if (inTheWay.length > 0 && !pulumi.runtime.isDryRun()) throw new pulumi.RunError(inTheWay.join("\n"));
for (const message of inTheWay) pulumi.log.warn(message);

if (!pulumi.runtime.isDryRun()) {
  const unfit = await unfitHosts(wantedHosts(result));
  if (unfit.length > 0) throw new pulumi.RunError(unfit.join("\n"));
}

const deployment = new PdDeployment(stack, {
  plan: result.plan,
  nodeImage: `ascend-pd/node:${manifest.dependencies.node}`,
});

export const endpoint = deployment.endpoint;
export const model = result.plan.servedModelName;
export const containers = result.plan.containers.map(({ name }) => name);
