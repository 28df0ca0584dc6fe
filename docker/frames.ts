/**
 * The text that a container or a command wrote to these streams, without the 8 bytes that Docker puts before each
 * piece of it: 1 or 2 for the stream, three zeros, and the length, big-endian.
 */
export function unframed(bytes: Buffer, streams: readonly number[] = [1, 2]): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    if (streams.includes(bytes.readUInt8(at))) pieces.push(bytes.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(pieces).toString();
}

/** A part of what a container wrote, of which each character is a byte. */
export interface Piece {
  readonly stream: number;
  readonly text: string;
  /** The first of its frame. */
  readonly begins: boolean;
}

/** The same bit by bit, as bytes come; of a container with a terminal, which has no frames, all is one stream. */
export function frameReader(onPiece: (piece: Piece) => void): (bytes: Buffer) => void {
  const header = Buffer.alloc(8);
  let known = 0;
  let left = 0;
  let begins = false;
  let framed: boolean | undefined;
  return (bytes) => {
    if (bytes.length > 0) framed ??= bytes.readUInt8(0) <= 2;
    if (framed === false) onPiece({ stream: 1, text: bytes.toString("latin1"), begins: false });
    for (let at = 0; framed && at < bytes.length; ) {
      const taken = Math.min(left || header.length - known, bytes.length - at);
      const part = bytes.subarray(at, at + taken);
      at += taken;
      if (left > 0) {
        onPiece({ stream: header.readUInt8(0), text: part.toString("latin1"), begins });
        begins = false;
        left -= taken;
      } else {
        known += part.copy(header, known);
        if (known < header.length) continue;
        known = 0;
        begins = true;
        left = header.readUInt32BE(4);
      }
    }
  };
}
