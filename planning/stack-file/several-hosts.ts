import type { Problem } from "../../problems/problem.ts";

/**
 * PD011: an instance over several hosts. The schema has no form for it; this says why to those who try the obvious
 * one.
 */
export function severalHostsProblems(input: unknown): Problem[] {
  return ["prefill", "decode"].flatMap((role) => {
    const instances: unknown = Object(input)[role];
    if (!Array.isArray(instances)) return [];
    return [...instances.entries()]
      .filter(([, instance]) => Array.isArray(Object(instance).host))
      .map(([index, { host }]) => ({
        code: "PD011",
        severity: "error" as const,
        path: `${role}[${index}].host`,
        message: `an instance over ${host.join(" and ")}: the manual's rank table has one server for each instance`,
        fix: `name one host, and declare one ${role} instance for each other`,
      }));
  });
}
