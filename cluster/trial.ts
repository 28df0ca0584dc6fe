import { FixableError } from "../problems/fixable-error.ts";
import type { Access } from "./access.ts";
import { differences } from "./differences.ts";
import type { ApiObject } from "./objects.ts";
import { Unreachable } from "./request.ts";

/** What the cluster says to objects before any is applied. */
export interface Trial {
  /** What would change, a line for each field. */
  readonly changes: readonly string[];
  /** Why some would be refused, each with its fix. */
  readonly refusals: readonly string[];
}

/** How many questions an API server is asked at once: fewer than it lets one user ask. */
const atOnce = 16;

/** Tries all objects and changes nothing. Throws `Unreachable` where the cluster does not answer. */
export async function tryObjects(access: Access, objects: readonly ApiObject[]): Promise<Trial> {
  const changes: string[] = [];
  const refusals: string[] = [];
  for (let start = 0; start < objects.length; start += atOnce) {
    const tried = objects.slice(start, start + atOnce).map((object) => differences(access, object));
    for (const result of await Promise.allSettled(tried)) {
      if (result.status === "fulfilled") changes.push(...result.value);
      else if (result.reason instanceof FixableError && !(result.reason instanceof Unreachable))
        refusals.push(`${result.reason.message}\nfix: ${result.reason.fix}`);
      else throw result.reason;
    }
  }
  return { changes, refusals: [...new Set(refusals)] };
}
