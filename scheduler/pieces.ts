/** Bytes to be written one after the other. Text is latin1: each character is one byte. */
export type Piece = Buffer | string;

export function totalLength(pieces: readonly Piece[]): number {
  let total = 0;
  for (const { length } of pieces) total += length;
  return total;
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
