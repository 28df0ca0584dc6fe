import * as pulumi from "@pulumi/pulumi";
import { PdDeployment } from "./components/deployment.ts";
import { plan } from "./planning/make-plan.ts";
import { formatProblems } from "./planning/problems.ts";

const stack = pulumi.getStack();
const stackFile = `stacks/Pulumi.${stack}.yaml`;
const result = plan(stack, new pulumi.Config().getObject("deployment"));

if ("problems" in result) throw new pulumi.RunError(formatProblems(stackFile, result.problems));
if (result.warnings.length > 0) pulumi.log.warn(formatProblems(stackFile, result.warnings));

const deployment = new PdDeployment(stack, {
  plan: result.plan,
  nodeImage: process.env.ASCEND_PD_NODE_IMAGE ?? "node:24-slim",
});

export const endpoint = deployment.endpoint;
export const model = result.plan.servedModelName;
export const containers = result.plan.containers.map(({ name }) => name);
