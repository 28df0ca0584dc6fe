import type * as pulumi from "@pulumi/pulumi";

/**
 * `what`, once `before` has been made, or left as it is. No dependency: it is an order of changes only. As one, it would
 * have `destroy` stop instances one by one, and a host that is gone for good take those behind it out of the state.
 */
export async function inTurn<T>(before: pulumi.Resource | undefined, what: T): Promise<T> {
  if (before !== undefined) await new Promise((resolve) => before.urn.apply(resolve));
  return what;
}
