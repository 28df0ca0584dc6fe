import { Bag, type Bagged } from "./bag.ts";

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
  readonly #armed = new Bag<Entry>();
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
    return this.#armed.items.length;
  }

  close(): void {
    clearInterval(this.#interval);
  }

  #expire(): void {
    const now = performance.now();
    const { items } = this.#armed;
    for (let at = items.length - 1; at >= 0; at--) {
      const entry = items[at];
      if (entry === undefined || entry.dueAt > now) continue;
      entry.clear();
      entry.expired();
    }
  }
}

class Entry implements Deadline, Bagged {
  readonly #armed: Bag<Entry>;
  readonly expired: () => void;
  dueAt = 0;
  place = -1;

  constructor(armed: Bag<Entry>, expired: () => void) {
    this.#armed = armed;
    this.expired = expired;
  }

  extend(ms: number): void {
    this.dueAt = performance.now() + ms;
    this.#armed.add(this);
  }

  clear(): void {
    this.#armed.remove(this);
  }
}
