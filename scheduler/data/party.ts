/** Whoever requests are counted for: what of them runs, and waits. */
export class Party {
  /** What is due to it, as compared with others. */
  share = 1;
  /** Those with a lower one are next before it, as in vLLM. */
  priority = 0;
  running = 0;
  /** When one of its requests was last given a turn, as a number that grows. */
  servedAt = 0;
  /** The newest last. */
  readonly waiting: Waiting[] = [];
}

/** A request that waits for its turn. */
export interface Waiting {
  readonly party: Party;
  /** Pairs of legs that it has at a time. */
  readonly weight: number;
  readonly prefills: boolean;
  admit(): void;
  refuse(failure: Error): void;
}
