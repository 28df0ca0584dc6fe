import { trustAlso } from "../hosts/trusted-authority.ts";
import { plan as makePlan, type Planned } from "../planning/make-plan.ts";
import { formatProblems } from "../problems/problem.ts";
import { readStackFile } from "./stack-file.ts";
import { UserError } from "./user-error.ts";

export interface PlannedStack extends Planned {
  /** Path of the stack file, for messages. */
  readonly where: string;
}

/**
 * The Plan of `stacks/Pulumi.<stack>.yaml`, changed by `change`. Whoever asks its scheduler then trusts whom the stack file
 * says. Throws UserError with everything that is wrong with the file.
 */
export function plannedStack(
  stack: string,
  change = (deployment: unknown): unknown => deployment,
): PlannedStack {
  const { where, deployment } = readStackFile(stack);
  const result = makePlan(stack, change(deployment));
  if ("problems" in result) throw new UserError(formatProblems(where, result.problems));
  trustAlso(result.plan.ca);
  return { where, ...result };
}

/** That, of a stack on Docker Engines. Throws UserError for one on a cluster, whose pods are asked through its API. */
export function dockerStack(stack: string): PlannedStack {
  const planned = plannedStack(stack);
  const { kubernetes } = planned.plan;
  if (kubernetes === undefined) return planned;
  throw new UserError(
    `${planned.where}: its target is a Kubernetes cluster, and this asks Docker Engines\n` +
      `fix: \`ascend-pd render kubernetes ${stack}\` writes what the cluster takes; ask the cluster itself: ` +
      `\`kubectl --namespace ${kubernetes.namespace} get pods --selector ascend-pd.stack=${stack}\``,
  );
}
