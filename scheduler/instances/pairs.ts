/**
 * What is known of the way of KV cache from one prefill instance to one decode instance. Odd: nothing may go it. The thread
 * that has canaries sung writes all of them; others only say that a transfer has failed.
 */
export const PAIR = {
  serves: 0,
  /** No canary yet since one of the two was started. */
  untried: 1,
  /** It has passed a canary just now that a failure had called for: the next failure alone does not bar it. */
  trusted: 2,
  /** It has failed its last canary. */
  quarantined: 3,
  /** It serves, and a failure calls for a canary. */
  asked: 4,
  /** A failure calls for a canary. */
  suspect: 5,
  /** No canary can be sung. */
  unguarded: 6,
} as const;
export type PairState = (typeof PAIR)[keyof typeof PAIR];

/** Of a decode instance: the state of its pair with the prefill instance at each place. */
export class Pairs {
  readonly #cells: Uint8Array;

  constructor(cells: Uint8Array) {
    this.#cells = cells;
  }

  /** Prefill instances at places beyond are not told apart: nothing is known of them, and they serve. */
  at(place: number): PairState {
    return (this.#cells[place] ?? PAIR.serves) as PairState;
  }

  set(place: number, state: PairState): void {
    if (place < this.#cells.length) Atomics.store(this.#cells, place, state);
  }

  /** The same of all, also of those to come. */
  setAll(state: PairState): void {
    this.#cells.fill(state);
  }

  bars(place: number): boolean {
    return (this.at(place) & 1) === 1;
  }

  /** A request has failed that went this way. What else was found out meanwhile is not overwritten. */
  suspect(place: number): void {
    if (place >= this.#cells.length) return;
    const { serves, trusted, asked, suspect } = PAIR;
    if (Atomics.compareExchange(this.#cells, place, serves, suspect) === trusted)
      Atomics.compareExchange(this.#cells, place, trusted, asked);
  }
}
