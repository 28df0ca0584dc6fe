import type { Failure } from "../errors.ts";

/** Work that can be told to end now. */
export interface Stoppable {
  abort(failure: Failure): void;
}

/** Tells the work on one request, in whatever phase it is, that it has to end now. */
export class StopSignal {
  #failure: Failure | undefined;
  #listener: Stoppable | undefined;

  /** Why the request has to end; `undefined` while it may go on. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Only the first call counts. */
  stop(failure: Failure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#listener?.abort(failure);
  }

  /** Replaces the listener: one phase at a time works on a request. */
  listen(listener: Stoppable): void {
    this.#listener = listener;
  }
}
