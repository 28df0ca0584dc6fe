import type { Problem } from "../../problems/problem.ts";
import type { Topology } from "../topology.ts";

/** What docs/rules.md says of a rule. */
export interface Documented {
  /** `PD` and three digits; never used again for anything else. */
  readonly code: string;
  readonly severity: Problem["severity"];
  /** What must hold. */
  readonly title: string;
  /** What goes wrong where it does not. */
  readonly why: string;
  /** Who says so: the manual, with its step, or another public text. */
  readonly source: string;
  /** An error that may be meant, so that the stack file can acknowledge it; every warning can be. */
  readonly waivable?: true;
}

/** One reason why a deployment cannot work (or, as a warning, likely does not do what was meant). */
export interface Rule extends Documented {
  readonly check: (topology: Topology) => Finding[];
}

export type Finding = Pick<Problem, "path" | "message" | "fix">;

export const isAcknowledgeable = ({ severity, waivable }: Documented): boolean =>
  severity === "warning" || waivable === true;
