/** As many may be saved up, and are there at the start. */
const MOST = 10;

/**
 * How often a leg may be asked of another instance because one was busy, over all requests of a thread: once for each leg, so
 * that engines of which half are busy turn nobody away, and where nearly all are, asking each of them adds no more to what
 * there is too much of. An instance that could not be reached costs nobody anything, and has one second attempt in any case.
 */
export class RetryBudget {
  #left = MOST;

  /** A leg is asked for the first time. */
  earn(): void {
    this.#left = Math.min(this.#left + 1, MOST);
  }

  /** Whether one may be asked once more. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
