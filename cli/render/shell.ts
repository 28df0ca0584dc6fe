/** One command, each part on a line of its own, as the manual writes it. */
export function command(...parts: readonly string[]): string {
  return parts.join(" \\\n  ");
}

/** Lines that a shell skips, whatever `text` holds. */
export function comment(text: string): string {
  return text
    .split("\n")
    .map((line) => `# ${line}`.trimEnd())
    .join("\n");
}
