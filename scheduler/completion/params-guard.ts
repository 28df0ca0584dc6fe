import { Failure } from "../errors.ts";
import { MAX_PARAMS_KEY, paramsKeyAt } from "./transfer-params.ts";

const SPACE: Buffer = Buffer.from(" ");

/**
 * Lets an answer pass that is too large to be held, as long as no parameters of a transfer stand in it: they cannot be taken
 * out of what has a length. The end of what has come waits, as a key may come in two pieces.
 */
export class ParamsGuard {
  /** What waits, behind one byte that has passed: it may be a backslash. */
  #held = SPACE;

  /** What may pass. Throws a Failure. */
  push(bytes: Buffer): Buffer {
    const all = Buffer.concat([this.#held, bytes]);
    const end = Math.max(1, all.length - MAX_PARAMS_KEY);
    check(all, end);
    this.#held = all.subarray(end - 1);
    return all.subarray(1, end);
  }

  /** The rest. Throws a Failure. */
  end(): Buffer {
    check(this.#held, this.#held.length);
    return this.#held.subarray(1);
  }
}

/** What begins at `end` or behind it is not all there yet. */
function check(bytes: Buffer, end: number): void {
  const at = paramsKeyAt(bytes);
  if (at === -1 || at >= end) return;
  const detail = "parameters of a transfer in an answer that is too large to be held";
  throw new Failure("decode_failed", { detail });
}
