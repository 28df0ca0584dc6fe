import { stateSignatures } from "./index.ts";
import type { Hit } from "./search.ts";
import type { ContainerState, Fault } from "./signature.ts";

/** A fault that an instance has, or had. */
export interface Finding extends Fault {
  readonly count: number;
  readonly first: string;
  readonly last: string;
  readonly quotes: readonly string[];
  /** It was before the run that is well now, or so long ago that it is none of the reasons for the state at present. */
  readonly isPast: boolean;
  /** Code of what explains it. */
  readonly follows?: string;
}

const ranks: readonly Fault["rank"][] = ["cause", "consequence", "symptom"];

/** What is wrong with an instance, the root first: by rank, then by time, and what is past last. */
export function diagnose(hits: readonly Hit[], state: ContainerState): Finding[] {
  const started = Date.parse(state.startedAt);
  // A container that is started again and again had its reason in a run before.
  const since = state.answer === "ready" ? started : started - state.startTimeoutSeconds * 1000;
  const told = hits.map(({ signature, ...hit }) => ({
    ...faultOf(signature),
    ...hit,
    isPast: Date.parse(hit.last) < since,
  }));
  const shown = stateSignatures.flatMap((signature) => {
    const seen = signature.seen(state);
    if (seen === undefined) return [];
    return [{ ...faultOf(signature), count: 1, first: "", last: "", quotes: [seen], isPast: false }];
  });
  const sorted = [...told, ...shown].sort(byRoot);
  return sorted.map((finding) => {
    const root = sorted.find((one) => !one.isPast && explains(one, finding));
    return root === undefined ? finding : { ...finding, follows: root.code };
  });
}

/** Without what finds it. */
function faultOf({ code, severity, rank, title, cause, fix, source }: Fault): Fault {
  return { code, severity, rank, title, cause, fix, source };
}

type Sorted = Pick<Finding, "code" | "rank" | "isPast" | "first" | "last">;

export function byRoot(a: Sorted, b: Sorted): number {
  return (
    Number(a.isPast) - Number(b.isPast) ||
    ranks.indexOf(a.rank) - ranks.indexOf(b.rank) ||
    // What the engine tells has no time, and is behind what a log tells.
    (a.first || "9").localeCompare(b.first || "9") ||
    a.code.localeCompare(b.code)
  );
}

/** Whether one of a lower rank was there before the other was last seen. */
function explains(root: Sorted, finding: Sorted): boolean {
  const isLower = ranks.indexOf(root.rank) < ranks.indexOf(finding.rank);
  return isLower && !finding.isPast && (finding.last === "" || root.first <= finding.last);
}
