import { NoRoom } from "../data/budget.ts";

/** Has connections that nothing uses. */
interface Idler {
  /** Closes one of them; false without any. */
  closeIdle(): boolean;
}

/** The connections of one thread to engines. More than `most` would take the files that health checks and operators need. */
export class Lines {
  /** Whether those that have served a request may serve another one. */
  readonly areKept: boolean;
  readonly #most: number;
  readonly #idlers = new Set<Idler>();
  #open = 0;

  constructor(most = Number.POSITIVE_INFINITY, areKept = true) {
    this.areKept = areKept;
    this.#most = most;
  }

  add(idler: Idler): void {
    this.#idlers.add(idler);
  }

  remove(idler: Idler): void {
    this.#idlers.delete(idler);
  }

  /** One is to be opened. Throws NoRoom. */
  open(): void {
    if (this.#open >= this.#most && !this.#closeIdle()) throw new NoRoom("all", "connections to engines");
    this.#open++;
  }

  closed(): void {
    this.#open--;
  }

  #closeIdle(): boolean {
    for (const idler of this.#idlers) if (idler.closeIdle()) return true;
    return false;
  }
}
