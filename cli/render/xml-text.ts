/** Text for XML, which has no way to write most control characters. */
export function xmlText(label: string): string {
  return label
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
