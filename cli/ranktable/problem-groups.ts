import { formatProblems } from "../../planning/problems.ts";
import type { FoundProblem } from "../../planning/rank-table-files.ts";

/** Problems of several files as the text that a user reads, file by file. */
export function formatFound(found: readonly FoundProblem[]): string {
  const files = Map.groupBy(found, ([where]) => where);
  return [...files]
    .map(([where, ofFile]) =>
      formatProblems(
        where,
        ofFile.map(([, problem]) => problem),
      ),
    )
    .join("\n");
}

export const hasErrors = (found: readonly FoundProblem[]): boolean =>
  found.some(([, { severity }]) => severity === "error");
