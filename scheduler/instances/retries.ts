/** Of the legs that are asked, so many may be asked once more: 20 %. */
const SHARE = 0.2;
/** And a few however few requests there are, so many more each second. */
const FEW = 10;
const FEW_PER_SECOND = 1;
/** What quiet times may save up. */
const MOST = 100;

/**
 * How often a leg may be asked once more, over all requests of a thread: where most fail, second attempts only add to what
 * there is too much of.
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
