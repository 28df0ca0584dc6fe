/** Bytes to be written one after the other. Text is latin1: each character is one byte. */
export type Piece = Buffer | string;

export function totalLength(pieces: readonly Piece[]): number {
  let total = 0;
  for (const { length } of pieces) total += length;
  return total;
}

/**
 * Up to this size text costs less to cut, to join and to write than bytes: Node needs no Buffer for it. Longer text would
 * fill the nursery.
 */
export const MAX_TEXT_BYTES = 2048;

/** One text with all of `pieces` in it. */
export function text(pieces: readonly Piece[]): string {
  let all = "";
  for (const piece of pieces) all += typeof piece === "string" ? piece : piece.toString("latin1");
  return all;
}

/** One buffer with all of `pieces` in it. */
export function joined(pieces: readonly Piece[], total = totalLength(pieces)): Buffer {
  const all = Buffer.allocUnsafe(total);
  let at = 0;
  for (const piece of pieces) {
    at += typeof piece === "string" ? all.write(piece, at, "latin1") : piece.copy(all, at);
  }
  return all;
}
