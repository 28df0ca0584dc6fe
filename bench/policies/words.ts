/** So many numbers of 24 bits that follow from a name alone. */
export function tokens(name: string, count: number): number[] {
  let state = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) state = Math.imul(state ^ name.charCodeAt(at), 0x01000193);
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) & 0xff_ffff;
  });
}

const LETTERS = "abcdefghijklmnop";

/** A text that the simulator takes for so many tokens, of four bytes each. */
export function words(name: string, count: number): string {
  return tokens(name, count)
    .map((number) => `${LETTERS[number & 15]}${LETTERS[(number >> 4) & 15]}${LETTERS[(number >> 8) & 15]} `)
    .join("");
}
