/** `1 NPU`, `2 NPUs`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;

/**
 * What others wrote, in a line and without a command to a terminal: characters that have no shape, or change that of
 * their neighbours (control, format and bidi characters, halves), as escapes. JSON is the same value afterwards.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped);
}

/** The same of text that has lines and columns. */
export function visibleLines(text: string): string {
  return text.replace(/\r\n|(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (found) =>
    found === "\r\n" ? "\n" : escaped(found),
  );
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const units = character.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
  return SHORT[character] ?? units.map((unit) => `\\u${unit}`).join("");
}
