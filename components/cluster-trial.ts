import * as pulumi from "@pulumi/pulumi";
import { findAccess } from "../cluster/access.ts";
import type { ApiObject } from "../cluster/objects.ts";
import { type Trial, tryObjects } from "../cluster/trial.ts";
import { FixableError } from "../problems/fixable-error.ts";
import { visibleLines } from "../problems/text.ts";

/**
 * Asks the cluster what it would make of the objects. A preview shows that, and works without a cluster; an `up` that the
 * cluster would refuse half-way changes nothing.
 */
export async function tryOnCluster(
  context: string | undefined,
  objects: readonly ApiObject[],
): Promise<void> {
  const isPreview = pulumi.runtime.isDryRun();
  let trial: Trial;
  try {
    trial = await tryObjects(await findAccess(context), objects);
  } catch (error) {
    if (!(error instanceof FixableError)) throw error;
    const reason = visibleLines(`${error.message}\nfix: ${error.fix}`);
    if (!isPreview) throw new pulumi.RunError(reason);
    return pulumi.log.warn(`what is shown is from the last state alone: ${reason}`);
  }
  const refusals = visibleLines(trial.refusals.join("\n"));
  if (refusals !== "" && !isPreview) throw new pulumi.RunError(refusals);
  if (refusals !== "") await pulumi.log.warn(refusals);
  if (isPreview && trial.changes.length > 0)
    await pulumi.log.info(visibleLines(`the cluster would change:\n  ${trial.changes.join("\n  ")}`));
}
