/** Why an operator's wish is not done. */
export class MembershipError extends Error {
  readonly kind: "unknown" | "conflict";
  readonly fix: string;

  constructor(kind: "unknown" | "conflict", message: string, fix: string) {
    super(message);
    this.kind = kind;
    this.fix = fix;
  }
}

export interface DrainResult {
  readonly instance: string;
  /** Whether nothing needs the instance any more, and it still gets nothing new. */
  readonly drained: boolean;
  /** Why it returned: nothing was left, time was up, or another wish put the instance back. */
  readonly ended: "idle" | "deadline" | "joined";
  readonly inFlight: number;
  readonly kvHeld: number;
}

export interface JoinResult {
  readonly instance: string;
  /** Whether the instance gets requests. If not yet, it will as soon as it answers its health check. */
  readonly joined: boolean;
  readonly ended: "healthy" | "deadline" | "draining";
}

export interface ReloadResult {
  readonly added: readonly string[];
  /** They leave when nothing needs them any more and, if they were the last of a role, another one is ready. */
  readonly leaving: readonly string[];
  readonly kept: readonly string[];
}
