import { error, type Problem } from "../../problems/problem.ts";
import { showPath } from "../../problems/show-path.ts";

/** Of the largest fleets in print, tens of hosts are one deployment. */
export const mostEntries = 10_000;
/** A stack file has six. */
const deepest = 64;

/** PD004: the first list or group that is too large, or too deep, to be looked at by anything else. No recursion. */
export function sizeProblems(input: unknown): Problem[] {
  const open: [value: unknown, keys: readonly PropertyKey[]][] = [[input, []]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, keys] = next;
    if (typeof value !== "object" || value === null) continue;
    const wrong = (message: string, fix: string) => [error("PD004", showPath(keys), message, fix)];
    if (keys.length > deepest)
      return wrong(`is nested deeper than ${deepest} levels`, "see what wrote the file");
    const entries = Object.keys(value);
    if (entries.length > mostEntries) {
      const fix = "split the deployment into several stacks, each with its own scheduler";
      return wrong(`has ${entries.length} entries, and ${mostEntries} are the most`, fix);
    }
    for (const key of entries) {
      const place = Array.isArray(value) ? Number(key) : key;
      open.push([Reflect.get(value, key), [...keys, place]]);
    }
  }
  return [];
}
