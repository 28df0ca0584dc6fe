import type { Problem } from "../../problems/problem.ts";

/** PD002: a scheduler without a host, where no cluster chooses one. */
export function schedulerHostProblems(input: unknown): Problem[] {
  const { target, scheduler } = Object(input);
  if (target !== undefined || typeof scheduler !== "object" || scheduler === null) return [];
  if (Object(scheduler).host !== undefined) return [];
  const fix = "add it: name of the host that it runs on, as in `hosts`; one with instances or without";
  const message = '"host" is missing';
  return [{ code: "PD002", severity: "error", path: "scheduler.host", message, fix }];
}
