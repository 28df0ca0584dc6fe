import type { Hold } from "./budget.ts";

/** Belongs to no read: keeping it keeps nothing alive. */
const EMPTY: Buffer = Buffer.alloc(0);
/** More memory than this is given back when most of it is not needed any more. */
const MAX_KEPT_BYTES = 64 * 1024;

/**
 * Bytes that arrive in pieces and are needed in one. A single piece is kept as it is; a second one moves them
 * into a buffer that doubles, so that a peer who sends one byte at a time costs linear work, not quadratic.
 */
export class ByteBuffer {
  #bytes = EMPTY;
  #start = 0;
  #end = 0;
  /** Whether the room behind `#end` is ours to write to. */
  #owned = false;
  readonly #most: number;
  readonly #hold: Hold | undefined;

  /** `most`: how many bytes can come, where that is known, so that no more room is made. `hold` counts the room. */
  constructor(most = Number.POSITIVE_INFINITY, hold?: Hold) {
    this.#most = most;
    this.#hold = hold;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Bytes of memory that it takes. */
  get room(): number {
    return this.#bytes.length;
  }

  /** Never written to again: what is appended later goes behind it or elsewhere. */
  view(): Buffer {
    const isAll = this.#start === 0 && this.#end === this.#bytes.length;
    return isAll ? this.#bytes : this.#bytes.subarray(this.#start, this.#end);
  }

  /** Throws NoRoom where its hold has none, and then has what it had. */
  append(piece: Buffer): void {
    if (piece.length === 0) return;
    if (this.length === 0) {
      this.#adopt(piece);
      return;
    }
    if (!this.#owned || this.#end + piece.length > this.#bytes.length) {
      const needed = this.length + piece.length;
      const room = Math.max(1024, needed, Math.min(this.#most, 2 * needed));
      this.#hold?.move(room - this.#bytes.length);
      const grown = Buffer.allocUnsafeSlow(room);
      this.#end = this.#bytes.copy(grown, 0, this.#start, this.#end);
      this.#start = 0;
      this.#bytes = grown;
      this.#owned = true;
    }
    this.#end += piece.copy(this.#bytes, this.#end);
  }

  /** For a piece whose memory will be used again. */
  appendCopy(piece: Buffer): void {
    this.append(this.length === 0 ? Buffer.from(piece) : piece);
  }

  /** Forgets the first `count` bytes. */
  consume(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.#adopt(EMPTY);
    else if (this.#owned && this.#bytes.length > Math.max(MAX_KEPT_BYTES, 4 * this.length)) {
      this.#adopt(Buffer.from(this.view()));
    }
  }

  /** All bytes; the buffer is empty afterwards. */
  take(): Buffer {
    const all = this.view();
    this.#adopt(EMPTY);
    return all;
  }

  #adopt(piece: Buffer): void {
    this.#hold?.move(piece.length - this.#bytes.length);
    this.#bytes = piece;
    this.#start = 0;
    this.#end = piece.length;
    this.#owned = false;
  }
}
