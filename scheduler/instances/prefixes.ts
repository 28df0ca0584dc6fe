/**
 * What a prompt begins with, as hashes: two prompts that begin alike have equal hashes as far as they do. A hash is of all
 * bytes up to its end. Ends stand 512 bytes apart, further on 1/32 of what is before them, so that the longest prompt has
 * some hundred, and they are the same places in every prompt.
 */
export interface Prefixes {
  /** Of the whole prompt. */
  readonly bytes: number;
  /** Two words a prefix, the shortest first. */
  readonly hashes: Int32Array;
}

/** The least that is told apart; sizes are counted in it. */
export const UNIT_BYTES = 512;
/** From here on ends are further apart. */
const WIDENS_AT = 2 ** 15;
/** What the ends in each doubling of a prompt's length divide it into. */
const PARTS_SHIFT = 5;
const UNIT_SHIFT = 9;

/** Where the prefix ends that is one longer than that which ends at `end`. */
export function nextEnd(end: number): number {
  return end < WIDENS_AT ? end + UNIT_BYTES : end + (1 << (31 - PARTS_SHIFT - Math.clz32(end)));
}

/** Units between two ends, the second of which is `end`, or that before it, and the one behind. */
export function unitsBehind(end: number): number {
  return (nextEnd(end) - end) >> UNIT_SHIFT;
}

export function unitsOf(bytes: number): number {
  return (bytes + UNIT_BYTES - 1) >> UNIT_SHIFT;
}

/** Longer prompts are told apart by what comes first: to read these takes some milliseconds. */
const MAX_BYTES = 2 ** 24;
const MAX_PREFIXES = 1024;
/** One for all, as nothing is awaited while it is filled. */
const scratch = new Int32Array(2 * MAX_PREFIXES);

/** Of a prompt that is `parts`, one behind the other. */
export function prefixesOf(parts: readonly Buffer[]): Prefixes {
  let a = 0x2545f491;
  let b = 0x1b873593;
  let c = 0x68e31da4;
  let d = 0x3c6ef372;
  let position = 0;
  let end = UNIT_BYTES;
  let count = 0;
  for (const part of parts) {
    const view = new DataView(part.buffer, part.byteOffset, part.length);
    const { byteLength } = view;
    let at = 0;
    while (at < byteLength && position < MAX_BYTES) {
      const to = Math.min(byteLength, at + end - position);
      position += to - at;
      // Four chains, each of every fourth word: one alone would wait for its own last product.
      for (; at + 16 <= to; at += 16) {
        a = turned(Math.imul(a ^ view.getInt32(at, true), 0x9e3779b1));
        b = turned(Math.imul(b ^ view.getInt32(at + 4, true), 0x85ebca77));
        c = turned(Math.imul(c ^ view.getInt32(at + 8, true), 0xc2b2ae3d));
        d = turned(Math.imul(d ^ view.getInt32(at + 12, true), 0x27d4eb2f));
      }
      for (; at < to; at++) a = turned(Math.imul(a ^ view.getUint8(at), 0x9e3779b1));
      if (position !== end) continue;
      scratch[count++] = scrambled(scrambled(scrambled(a ^ b) + c) ^ d);
      scratch[count++] = scrambled(scrambled(scrambled(d + c) ^ b) + a);
      end = nextEnd(end);
    }
  }
  return { bytes: parts.reduce((sum, { length }) => sum + length, 0), hashes: scratch.slice(0, count) };
}

function turned(word: number): number {
  return (word << 13) | (word >>> 19);
}

/** Each bit of what comes in changes half of what comes out. */
function scrambled(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
