import { type Point, pointOf, type Snapshot, type Trouble } from "./snapshot.ts";

/** Begins to look at a deployment, again and again, until what it returns is called. */
export type Source = (tell: (seen: Snapshot | Trouble) => void) => () => void;

/** A message as server-sent events have it. */
export type Told = { readonly kind: "snapshot" | "trouble" | "history"; readonly json: string };

/** What is drawn over time. */
export const HISTORY_MS = 120_000;

/** What all viewers see. Nothing is looked at while there is none. */
export class Feed {
  readonly #source: Source;
  readonly #viewers = new Set<(told: Told) => void>();
  #history: readonly Point[] = [];
  #last: Told | undefined;
  #stop: (() => void) | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Tells of what was, at once where there is anything, and of all that comes, until what it returns is called. */
  watch(tell: (told: Told) => void): () => void {
    this.#viewers.add(tell);
    tell({ kind: "history", json: JSON.stringify(this.#recent(Date.now())) });
    if (this.#last !== undefined) tell(this.#last);
    this.#stop ??= this.#source((seen) => this.#tell(seen));
    return () => {
      this.#viewers.delete(tell);
      if (this.#viewers.size === 0) this.close();
    };
  }

  /** Stops looking. What was seen is kept for those who come back soon, but is not how it is any more. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#last = undefined;
  }

  #tell(seen: Snapshot | Trouble): void {
    if (this.#viewers.size === 0) return;
    const isSnapshot = "instances" in seen;
    if (isSnapshot) this.#history = [...this.#recent(seen.at), pointOf(seen)];
    this.#last = { kind: isSnapshot ? "snapshot" : "trouble", json: JSON.stringify(seen) };
    for (const tell of this.#viewers) tell(this.#last);
  }

  #recent(at: number): readonly Point[] {
    return this.#history.filter((point) => point.at > at - HISTORY_MS && point.at <= at);
  }
}
