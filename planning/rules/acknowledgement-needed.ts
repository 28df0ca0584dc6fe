import type { Problem } from "../../problems/problem.ts";
import type { Documented } from "./rule.ts";

export const acknowledgementNeeded = {
  code: "PD170",
  severity: "warning",
  title: "an entry of `allow` acknowledges a problem that is there",
  why: "One that was mended leaves an entry behind, which would hide the same mistake the next time it is made.",
  source: "experience with every linter",
} as const satisfies Documented;

/** Says that a problem is meant. */
export interface Acknowledgement {
  readonly code: string;
  readonly reason: string;
}

/** `problems` without those that `allow` acknowledges, and a warning for each entry that acknowledges none. */
export function acknowledge(allow: readonly Acknowledgement[], problems: readonly Problem[]): Problem[] {
  const { code, severity } = acknowledgementNeeded;
  const left = new Map(problems.map((problem) => [problem.code, problem]));
  const needless = [...allow.entries()]
    .filter(([, entry]) => !left.delete(entry.code))
    .map(([index, entry]) => ({
      code,
      severity,
      path: `allow[${index}]`,
      message: `there is no problem ${entry.code} to acknowledge`,
      fix: "remove it",
    }));
  return [...problems.filter((problem) => left.has(problem.code)), ...needless];
}
