import { visible } from "../../problems/text.ts";

/*
 * Text of others in Markdown: only ever inside code, where neither HTML nor mentions nor links work, and which no
 * backtick of theirs can end.
 */

/** Text in a line, at most `longest` characters of it. */
export function code(text: string, longest = 100): string {
  const line = cut(visible(text), longest) || '""';
  const fence = fenceFor(line, 1);
  const padding = /^[` ]|[` ]$/.test(line) ? " " : "";
  return `${fence}${padding}${line}${padding}${fence}`;
}

const longestLine = 1000;

/** Lines of text as a block of at most `longest` characters; `language` colours it. */
export function codeBlock(lines: readonly string[], longest: number, language = ""): string {
  const all = lines.map((line) => cut(visible(line), longestLine));
  const some = fitting(
    all.map((line) => `${line}\n`),
    longest - 200,
  );
  const left = all.length - some.length;
  const body = `${some.join("")}${left > 0 ? `… and ${left} lines more\n` : ""}`;
  const fence = fenceFor(body, 3);
  return `${fence}${language}\n${body}${fence}\n`;
}

/** As many of the first pieces as there is room for. */
export function fitting(pieces: readonly string[], room: number): string[] {
  let used = 0;
  const end = pieces.findIndex((piece) => {
    used += piece.length;
    return used > room;
  });
  return pieces.slice(0, end === -1 ? undefined : end);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** Longer than any run of backticks in the text, so that none can close it. */
function fenceFor(text: string, least: number): string {
  const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
  return "`".repeat(Math.max(least, longest + 1));
}
