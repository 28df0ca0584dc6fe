import type { HostFacts } from "./facts.ts";
import type { Reading } from "./tools/reading.ts";
import type { WantedNpu } from "./wanted.ts";

/** One thing that a host must have or be. Pure: facts in, verdict out. */
export interface HostCheck {
  /** `HC` and three digits; never used again for anything else. */
  readonly code: string;
  /** Of what fails. */
  readonly severity: "error" | "warning";
  /** What must hold. */
  readonly title: string;
  /** What goes wrong where it does not. */
  readonly why: string;
  /** Who says so: the manual, with its step, or another public text. */
  readonly source: string;
  /** Where it fails, a container is certain not to start: `pulumi up` looks before a host's first one. */
  readonly guardsUp?: true;
  /** `all` are the facts of every host that answered, in the order of the stack. */
  readonly check: (host: HostFacts, all: readonly HostFacts[]) => Verdict;
}

/** What could not be seen is not well, and what does not apply was not looked at. */
export type Verdict =
  | { readonly status: "ok"; readonly seen: string }
  /** It does not hold, and need not here. */
  | { readonly status: "note"; readonly seen: string; readonly why: string }
  | { readonly status: "failed"; readonly problems: readonly HostProblem[] }
  | { readonly status: "unseen"; readonly why: string }
  | { readonly status: "not applicable"; readonly why: string };

export interface HostProblem {
  readonly seen: string;
  readonly fix: string;
}

export const ok = (seen: string): Verdict => ({ status: "ok", seen });

export const noted = (seen: string, why: string): Verdict => ({ status: "note", seen, why });

export const failed = (seen: string, fix: string): Verdict => ({
  status: "failed",
  problems: [{ seen, fix }],
});

export const unseen = (why: string): Verdict => ({ status: "unseen", why });

export const notApplicable = (why: string): Verdict => ({ status: "not applicable", why });

/** The verdict on what was seen. */
export const seeing = <T>(reading: Reading<T>, judge: (value: T) => Verdict): Verdict =>
  "value" in reading ? judge(reading.value) : unseen(reading.unreadable);

/** One verdict for several: all that failed; else what could not be seen; else what is noted; else all that is well. */
export function together(verdicts: readonly Verdict[], seen?: string): Verdict {
  const problems = verdicts.flatMap((one) => (one.status === "failed" ? one.problems : []));
  if (problems.length > 0) return { status: "failed", problems };
  const hidden = verdicts.find(({ status }) => status === "unseen");
  if (hidden !== undefined) return hidden;
  const notes = verdicts.filter((one) => one.status === "note");
  const list = (texts: readonly string[]) => [...new Set(texts)].join(", ");
  if (notes.length > 0) return noted(list(notes.map(({ seen }) => seen)), list(notes.map(({ why }) => why)));
  const well = verdicts.flatMap((one) => (one.status === "ok" ? [one.seen] : []));
  return ok(seen ?? [...new Set(well)].join(", "));
}

export const noNpus = notApplicable("the stack takes no NPU of this host");

/** Judges every NPU that the stack has on the host. */
export function ofEachNpu(
  { wanted: { npus } }: HostFacts,
  judge: (npu: WantedNpu) => Verdict,
  seen?: string,
): Verdict {
  if (npus.length === 0) return noNpus;
  const verdicts = npus.map(judge);
  const reasons = new Set(verdicts.map((one) => (one.status === "unseen" ? one.why : undefined)));
  // Of one among several, which it is.
  const named = verdicts.map((one, index): Verdict => {
    if (one.status !== "unseen" || (reasons.size === 1 && npus.length > 1)) return one;
    return unseen(`NPU ${npus[index]?.id}: ${one.why}`);
  });
  return together(named, seen);
}

/** Where to do what a fix says. */
export const on = ({ wanted }: HostFacts): string => `on ${wanted.name}`;
