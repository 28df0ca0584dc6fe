/** For each leg that is asked one more question, so that engines of which half are busy turn nobody away. */
const SHARE = 1;
/** And a few however few requests there are, so many more each second. */
const FEW = 10;
const FEW_PER_SECOND = 1;
/** What quiet times may save up. */
const MOST = 100;

/**
 * How often a leg may be asked of another instance because one was busy, over all requests of a thread: where nearly all are,
 * asking each of them only adds to what there is too much of. An instance that could not be reached costs nobody anything, and
 * has one second attempt in any case.
 */
export class RetryBudget {
  #left = FEW;
  #since: number;

  constructor(now = performance.now()) {
    this.#since = now;
  }

  /** A leg is asked for the first time. */
  earn(): void {
    this.#left = Math.min(this.#left + SHARE, MOST);
  }

  /** Whether one may be asked once more. */
  spend(now = performance.now()): boolean {
    const slow = (FEW_PER_SECOND * (now - this.#since)) / 1000;
    this.#since = now;
    if (this.#left < FEW) this.#left = Math.min(this.#left + slow, FEW);
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
