import { formatProblems } from "../../problems/problem.ts";
import { complain, print } from "../print.ts";
import type { FoundProblem } from "./tables/files.ts";

/** Problems of several files as the text that a user reads, file by file. */
export function problemsText(found: readonly FoundProblem[]): string {
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

export const problemsJson = (found: readonly FoundProblem[]) =>
  found.map(([file, problem]) => ({ file, ...problem }));

export const hasErrors = (found: readonly FoundProblem[]): boolean =>
  found.some(([, { severity }]) => severity === "error");

export const printJson = (value: object): void => print(JSON.stringify(value, undefined, 2));

/** Says why nothing was done; returns the exit code. */
export function refuse(found: readonly FoundProblem[], asJson = false): 2 {
  if (asJson) printJson({ problems: problemsJson(found) });
  else complain(problemsText(found));
  return 2;
}
