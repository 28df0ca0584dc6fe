import type { Problem } from "../../problems/problem.ts";
import { showPath } from "../../problems/show-path.ts";

/** PD012: a value that Pulumi has encrypted. In a Plan, and in all that is made from it, it would be plain text. */
export function secretProblems(input: unknown, keys: readonly PropertyKey[] = []): Problem[] {
  if (typeof input !== "object" || input === null) return [];
  if (Object.keys(input).join() === "secure") {
    return [
      {
        code: "PD012",
        severity: "error",
        path: showPath(keys),
        message: "a secret here would be plain text in the Plan and in Pulumi's state",
        fix: "keep it in the key ascend-pd:secretEnv, and name its variable in `secretEnv` of engine or scheduler",
      },
    ];
  }
  const isList = Array.isArray(input);
  return Object.entries(input).flatMap(([key, value]) =>
    secretProblems(value, [...keys, isList ? Number(key) : key]),
  );
}
