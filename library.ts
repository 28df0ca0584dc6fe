/**
 * What the npm package `ascend-pd` offers to other Pulumi programs. Everything else in it may change with any version.
 *
 * @example The whole program of a stack file, and a resource of one's own that waits for it:
 * import { local } from "@pulumi/command";
 * import { deploy } from "ascend-pd";
 *
 * export const { deployment, endpoint, model, containers } = await deploy();
 * new local.Command("told", { create: pulumi.interpolate`./tell.sh ${endpoint}` }, { dependsOn: deployment });
 *
 * @example A deployment that the program makes up itself:
 * import { formatProblems, PdDeployment, plan } from "ascend-pd";
 *
 * const result = plan("prod", { engine: { kind: "vllm-ascend" }, model, hosts, prefill, decode, scheduler });
 * if ("problems" in result) throw new pulumi.RunError(formatProblems("prod", result.problems));
 * const { endpoint } = new PdDeployment("prod", { plan: result.plan });
 */
export { PdDeployment, type PdDeploymentArgs } from "./components/deployment.ts";
export { type Deployed, deploy } from "./components/program.ts";
export { type Planned, plan } from "./planning/make-plan.ts";
export type { ContainerPlan, HostPlan, Plan } from "./planning/plan.ts";
export type { Identity } from "./planning/predecessors.ts";
export { formatProblems, type Problem } from "./problems/problem.ts";
