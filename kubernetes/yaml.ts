/**
 * JSON data as YAML that every reader takes for the same, 1.1 and 1.2: a library, which has to think of all else that YAML is,
 * takes seconds for a thousand instances. Keys keep their order; what is undefined is left out, as in JSON.
 */
export function yaml(value: unknown): string {
  const lines: string[] = [];
  write(lines, value, "", "");
  return `${lines.join("\n")}\n`;
}

/** `lead` stands before the first line: a key, or the dash of a list. */
function write(lines: string[], value: unknown, lead: string, indent: string): void {
  if (typeof value !== "object" || value === null) {
    lines.push(`${lead}${lead === "" || lead.endsWith(" ") ? "" : " "}${scalar(value, indent)}`);
    return;
  }
  const entries = Array.isArray(value)
    ? value.map((one) => ["-", one] as const)
    : Object.entries(value).flatMap(([key, one]) =>
        one === undefined ? [] : [[`${word(key)}:`, one] as const],
      );
  if (entries.length === 0) {
    lines.push(`${lead}${lead === "" || lead.endsWith(" ") ? "" : " "}${Array.isArray(value) ? "[]" : "{}"}`);
    return;
  }
  // What is behind a dash begins on its line.
  const isBehindDash = lead.endsWith("- ");
  if (lead !== "" && !isBehindDash) lines.push(lead);
  for (const [index, [key, one]] of entries.entries()) {
    const before = index === 0 && isBehindDash ? lead : indent;
    write(lines, one, `${before}${key}${key === "-" ? " " : ""}`, `${indent}  `);
  }
}

function scalar(value: unknown, indent: string): string {
  if (typeof value !== "string") return JSON.stringify(value);
  if (!value.includes("\n") || !isBlock.test(value)) return word(value);
  const text = value.endsWith("\n") ? value.slice(0, -1) : value;
  const lines = text.split("\n").map((line) => (line === "" ? "" : `${indent}${line}`));
  return [value.endsWith("\n") ? "|" : "|-", ...lines].join("\n");
}

/** Several printable lines, of which the first begins with none of the white space that would be lost, and the last is not empty. */
const isBlock = /^[!-~][ -~]*\n([ -~]*\n)*[ -~]*[!-~]\n?$/;

/** As it is where nobody can take it for anything else, and without a backslash where it can be. */
function word(text: string): string {
  if (/^[A-Za-z_/][\w./-]*$/.test(text) && !isOther.test(text)) return text;
  return text.includes('"') && /^[ -&(-~]*$/.test(text) ? `'${text}'` : quoted(text);
}

/** What some version of YAML takes for a truth, or nothing. */
const isOther = /^(y|n|yes|no|on|off|true|false|null)$/i;

/** JSON's text is YAML's, but for what YAML does not print or takes for the end of a line. */
const quoted = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
