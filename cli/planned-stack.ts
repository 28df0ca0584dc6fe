import { plan as makePlan, type Planned } from "../planning/make-plan.ts";
import { formatProblems } from "../problems/problem.ts";
import { readStackFile } from "./stack-file.ts";
import { UserError } from "./user-error.ts";

export interface PlannedStack extends Planned {
  /** Path of the stack file, for messages. */
  readonly where: string;
}

/** The Plan of `stacks/Pulumi.<stack>.yaml`. Throws UserError with everything that is wrong with the file. */
export function plannedStack(stack: string): PlannedStack {
  const { where, deployment } = readStackFile(stack);
  const result = makePlan(stack, deployment);
  if ("problems" in result) throw new UserError(formatProblems(where, result.problems));
  return { where, ...result };
}
