/** A fault that is known: what it is, why it comes, and the way out. */
export interface Fault {
  /** `LS` and three digits; never used again for anything else. */
  readonly code: string;
  /** A warning lets an instance serve, if not well. */
  readonly severity: "error" | "warning";
  /**
   * Which of several in one instance is the one to mend: a cause comes of nothing else that is known here; a consequence may
   * be what another process, or an earlier cause, did; a symptom says only that something went wrong.
   */
  readonly rank: "cause" | "consequence" | "symptom";
  readonly title: string;
  readonly cause: string;
  readonly fix: string;
  /** Where such a line, or its meaning, is told of. */
  readonly source: string;
}

/** One that a line of a log tells of. */
export interface LogSignature extends Fault {
  /**
   * Found in lines of which every byte is a character. Each part of it is bounded, so that a search takes no longer than
   * the text is. What it matches is shown to people: literals, numbers, addresses, names of flags and files. Whatever else
   * stands between them is in a group, and left out.
   */
  readonly pattern: RegExp;
}

/** One that a Docker Engine tells of, since no line does. */
export interface StateSignature extends Fault {
  /** What is seen, or nothing. */
  readonly seen: (state: ContainerState) => string | undefined;
}

/** How a container is, and whether its instance answers. */
export interface ContainerState {
  readonly status: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restarts: number;
  /** When its present or last run began, as Docker writes times. */
  readonly startedAt: string;
  /** Seconds since then, and how long the stack lets an instance take to become ready. */
  readonly age: number;
  readonly startTimeoutSeconds: number;
  /** `ready`, or what its ready path gave. */
  readonly answer: string;
}
