/**
 * What a tool of the host said. `unreadable` quotes output that means nothing to its parser: an error, another
 * version's layout, half a line. Never guessed at: a card whose process table is garbled is not a free card.
 */
export type Reading<T> = { readonly value: T } | { readonly unreadable: string };

export const linesOf = (output: string): string[] => output.split(/\r\n|\n|\r/);

/** Errors that tools print, often on stdout, with exit code 0 and other lines before them. */
const failure = /fail|error|-80\d\d|not support|denied|no such|invalid/i;

/** `output` as the reason why it says nothing: its line that tells most. */
export function unreadable(output: string): { readonly unreadable: string } {
  const lines = linesOf(output)
    .map((line) => line.replaceAll(/\p{Cc}+/gu, " ").trim())
    .filter(Boolean);
  // The last: the driver's chatter about logs comes before what npu-smi itself has to say.
  const telling =
    lines.findLast((line) => failure.test(line)) ?? lines.find((line) => /\w/.test(line)) ?? lines[0];
  return telling === undefined ? { unreadable: "it printed nothing" } : quoted(telling);
}

/** A line that is not understood. */
export function quoted(line: string): { readonly unreadable: string } {
  const plain = line
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll(/\s{2,}/g, "  ")
    .trim();
  return { unreadable: `it printed "${plain.length > 120 ? `${plain.slice(0, 119)}…` : plain}"` };
}

/** The value behind the first `label` that is followed by a colon. */
export function field(output: string, label: string): string | undefined {
  return linesOf(output)
    .map((line) => line.split(/:(.*)/s, 2))
    .find(([key]) => key?.trim() === label)?.[1]
    ?.trim();
}

/** Whether a tool only has to be asked again: hccn_tool serves one caller at a time. */
export const isBusy = (said: string): boolean => /\bis busy\b|Get lock failed/i.test(said);
