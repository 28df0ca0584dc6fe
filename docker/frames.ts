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
