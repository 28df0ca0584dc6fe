import type { Problem } from "../plan.ts";
import type { Topology } from "../topology.ts";

/** One reason why a deployment cannot work (or, as a warning, likely does not do what was meant). */
export interface Rule {
  /** `PD` and three digits; documented, never used again for anything else. */
  readonly code: string;
  readonly severity: Problem["severity"];
  /** What must hold, for lists of rules. */
  readonly title: string;
  /** Whether the stack file may say, by the code in `allow`, that a violation is meant. */
  readonly waivable?: true;
  readonly check: (topology: Topology) => Finding[];
}

export type Finding = Pick<Problem, "path" | "message" | "fix">;
