import type { Plan } from "../planning/plan.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { type Administered, administered } from "./administered.ts";
import { askInContainer } from "./administration.ts";

/** The scheduler of a Plan that asks clients for keys, and gives a pass to operators. */
export function givesPasses(plan: Plan): Administered | undefined {
  return plan.rankTables.apiKeys === undefined ? undefined : administered(plan);
}

/** A key for a while. Throws where the scheduler gives none. */
export async function passOf(scheduler: Administered): Promise<string> {
  const answer = await askInContainer(scheduler, "/pass", {});
  const { key } = "done" in answer && answer.done ? (answer.body as { key?: unknown }) : {};
  if (typeof key === "string") return key;
  const why = "done" in answer ? JSON.stringify(answer) : "absent" in answer ? answer.absent : answer.failure;
  throw new FixableError(
    `the scheduler ${scheduler.container} on ${scheduler.host.name} gives no pass, without which it answers nothing: ${why}`,
    "`ascend-pd scheduler state --stack STACK` asks it too: make that work from here",
  );
}
