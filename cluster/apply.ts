import { setTimeout as sleep } from "node:timers/promises";
import { FixableError } from "../problems/fixable-error.ts";
import type { Access } from "./access.ts";
import { type ApiObject, titleOf } from "./objects.ts";
import { refusal } from "./refusals.ts";
import { call } from "./request.ts";
import { pathOf } from "./resources.ts";

/** Who the fields that we set belong to. */
export const fieldManager = "ascend-pd";

/**
 * Makes the object what it says, and leaves alone what others have set: server-side apply, never forced. `dryRun`: gives what
 * it would become and changes nothing. A field that the API does not know is an error, not dropped.
 */
export async function apply(
  access: Access,
  object: ApiObject,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<ApiObject> {
  const answer = await call(access, await pathOf(access, object), {
    method: "PATCH",
    type: "application/apply-patch+yaml",
    query: { fieldManager, fieldValidation: "Strict", ...(dryRun && { dryRun: "All" }) },
    body: object,
  });
  if (answer.status !== 200 && answer.status !== 201) {
    throw refusal(access, `${dryRun ? "trying" : "applying"} ${titleOf(object)}`, answer);
  }
  return JSON.parse(answer.text);
}

/** The object as it is; undefined where there is none. */
export async function read(access: Access, object: ApiObject): Promise<ApiObject | undefined> {
  const answer = await call(access, await pathOf(access, object));
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal(access, `reading ${titleOf(object)}`, answer);
  return JSON.parse(answer.text);
}

/** Deletes the object with all that was made of it (its pods), and waits until the last of them is gone. */
export async function remove(access: Access, object: ApiObject, timeoutSeconds: number): Promise<void> {
  const path = await pathOf(access, object);
  const answer = await call(access, path, {
    method: "DELETE",
    query: { propagationPolicy: "Foreground" },
  });
  if (answer.status === 404) return;
  if (answer.status !== 200 && answer.status !== 202) {
    throw refusal(access, `deleting ${titleOf(object)}`, answer);
  }
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (let pause = 50; (await call(access, path)).status !== 404; pause = Math.min(2 * pause, 1000)) {
    if (Date.now() > deadline) {
      throw new FixableError(
        `${titleOf(object)} is still there after ${timeoutSeconds} s`,
        "see what keeps it: `kubectl describe` tells its finalizers, and of its pods the node that does not answer",
      );
    }
    await sleep(pause);
  }
}
