/** How far a limit may be overrun, in milliseconds. */
const TICK_MS = 50;

export interface Deadline {
  /** Runs the deadline again from now; also after it was cleared or has expired. */
  extend(ms: number): void;
  clear(): void;
}

/**
 * Every limit of every request on one interval. Moving a deadline, which happens once per token, writes a
 * number; a timer each would relink a list.
 */
export class Deadlines {
  /**
   * In no order. Not a Set: one from which things come and go all the time leaves tables behind that keep whole
   * requests alive until the next full garbage collection.
   */
  readonly #armed: Entry[] = [];
  readonly #interval = setInterval(() => this.#expire(), TICK_MS).unref();

  /** Calls `expired` once, unless the deadline is cleared or extended before `ms` milliseconds have passed. */
  arm(ms: number, expired: () => void): Deadline {
    const deadline = this.unarmed(expired);
    deadline.extend(ms);
    return deadline;
  }

  /** A deadline that does not run before its first `extend`. */
  unarmed(expired: () => void): Deadline {
    return new Entry(this.#armed, expired);
  }

  get size(): number {
    return this.#armed.length;
  }

  close(): void {
    clearInterval(this.#interval);
  }

  /** Backwards: what a removal moves comes from behind, where all have been looked at. */
  #expire(): void {
    const now = performance.now();
    for (let at = this.#armed.length - 1; at >= 0; at--) {
      const entry = this.#armed[at];
      if (entry === undefined || entry.dueAt > now) continue;
      entry.clear();
      entry.expired();
    }
  }
}

class Entry implements Deadline {
  readonly #armed: Entry[];
  readonly expired: () => void;
  /** Its index in `#armed`, or -1. */
  #at = -1;
  dueAt = 0;

  constructor(armed: Entry[], expired: () => void) {
    this.#armed = armed;
    this.expired = expired;
  }

  extend(ms: number): void {
    this.dueAt = performance.now() + ms;
    if (this.#at === -1) this.#at = this.#armed.push(this) - 1;
  }

  /** The last one takes its place. */
  clear(): void {
    if (this.#at === -1) return;
    const last = this.#armed.pop();
    if (last !== undefined && last !== this) {
      this.#armed[this.#at] = last;
      last.#at = this.#at;
    }
    this.#at = -1;
  }
}
