import { isClients, timeOf } from "./lines.ts";
import { dueIn } from "./needles.ts";
import type { LogSignature } from "./signature.ts";

/** What a log has of a signature. Times are Docker's, empty where it gave none. */
export interface Hit {
  readonly signature: LogSignature;
  /** Lines in which it stands. */
  readonly count: number;
  readonly first: string;
  readonly last: string;
  /** What it matched, the first few that differ. */
  readonly quotes: readonly string[];
}

const mostQuotes = 3;
const longestQuote = 240;

/** Looks for signatures in text of whole lines, batch by batch. */
export function search(signatures: readonly LogSignature[]): {
  readonly add: (lines: string) => void;
  readonly hits: () => readonly Hit[];
} {
  const searches = signatures.map((signature) => ({
    signature,
    pattern: new RegExp(signature.pattern.source, `${signature.pattern.flags}dg`),
    count: 0,
    first: "",
    last: "",
    quotes: [] as string[],
  }));

  const due = dueIn(searches);

  function add(lines: string): void {
    for (const one of due(lines)) {
      one.pattern.lastIndex = 0;
      for (let match = one.pattern.exec(lines); match !== null; match = one.pattern.exec(lines)) {
        const start = lines.lastIndexOf("\n", match.index) + 1;
        // Once a line: what is behind a client's words is the client's as well.
        one.pattern.lastIndex = lines.indexOf("\n", match.index);
        if (isClients(lines.slice(start, match.index))) continue;
        const at = timeOf(lines.slice(start, start + 40));
        // Parts of one line, or what one progress bar wrote.
        if (at !== "" && at === one.last) continue;
        one.count++;
        if (one.first === "" || at < one.first) one.first = at;
        if (at > one.last) one.last = at;
        if (one.quotes.length < mostQuotes) {
          const quote = quoteOf(match);
          if (!one.quotes.includes(quote)) one.quotes.push(quote);
        }
      }
    }
  }

  const hits = () =>
    searches
      .filter(({ count }) => count > 0)
      .map(({ signature, count, first, last, quotes }) => ({ signature, count, first, last, quotes }));
  return { add, hits };
}

/** What matched without what its groups did. Each character is a byte yet. */
function quoteOf(match: RegExpExecArray): string {
  const gaps = (match.indices ?? []).slice(1).filter((gap) => gap !== undefined);
  let quote = match[0];
  for (const [from, to] of gaps.toReversed()) {
    if (to > from) quote = `${quote.slice(0, from - match.index)}\u2026${quote.slice(to - match.index)}`;
  }
  const bytes = Buffer.from(
    quote.slice(0, longestQuote).replaceAll("\u2026", "\u00e2\u0080\u00a6"),
    "latin1",
  );
  return bytes.toString().trim();
}
