import { count, visible } from "./text.ts";

/** A reason why a stack file cannot work, or (`warning`) is likely a mistake. */
export interface Problem {
  /** Stable, documented: `PD` and three digits. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** Where in the stack file: `decode[0].devices[1]`. */
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

export function error(code: string, path: string, message: string, fix: string): Problem {
  return { code, severity: "error", path, message, fix };
}

/**
 * All problems as the text that a user reads: a line that counts them, then for each its code, place and message,
 * and below it the way out; what stops nothing is marked. `where` names the file. What files and names hold reaches no terminal as a command.
 */
export function formatProblems(where: string, problems: readonly Problem[]): string {
  const width = problems.reduce((most, { path }) => Math.max(most, path.length), 0);
  const lines = problems.flatMap(({ code, severity, path, message, fix }) => [
    `  ${code} ${path.padEnd(width)}  ${severity === "warning" ? "warning: " : ""}${message}`,
    `        fix: ${fix}`,
  ]);
  const text = [`${where}: ${countProblems(problems)}`, ...lines];
  return text.map(visible).join("\n");
}

function countProblems(problems: readonly Problem[]): string {
  const warnings = problems.filter(({ severity }) => severity === "warning").length;
  const errors = problems.length - warnings;
  const counts = [count(errors, "problem"), count(warnings, "warning")];
  return counts.filter((one) => !one.startsWith("0")).join(", ") || "no problems";
}
