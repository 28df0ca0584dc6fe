const TOKEN = /"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The members of a JSON object, their values as JSON text: strings in one spelling, no white space, everything
 * else (number literals, order of nested members) as written. Of equal names the last wins.
 * `text` must be a valid JSON object.
 */
export function members(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, , ...value] of parts(text)) {
    if (name !== undefined) found.set(JSON.parse(name), value.join(""));
  }
  return found;
}

/** The elements of a JSON array in the same way. `text` must be a valid JSON array. */
export function elements(text: string): string[] {
  return [...parts(text)].map((element) => element.join(""));
}

/** The tokens of each thing that a JSON object or array holds. */
function* parts(text: string): Generator<string[]> {
  let depth = 0;
  let part: string[] = [];
  for (const token of tokens(text)) {
    if (token === "}" || token === "]") depth -= 1;
    if (depth === 0 || (depth === 1 && token === ",")) {
      if (part.length > 0) yield part;
      part = [];
    } else {
      part.push(token);
    }
    if (token === "{" || token === "[") depth += 1;
  }
}

/** Strings come as one token, in the spelling of `JSON.stringify`. */
function* tokens(text: string): Generator<string> {
  const next = new RegExp(TOKEN);
  for (let match = next.exec(text); match !== null; match = next.exec(text)) {
    if (match[0] !== '"') {
      yield match[0];
    } else {
      next.lastIndex = endOfString(text, match.index);
      yield JSON.stringify(JSON.parse(text.slice(match.index, next.lastIndex)));
    }
  }
}

/** Index after the closing quote. A regular expression for this overflows its stack on megabytes of escapes. */
function endOfString(text: string, start: number): number {
  let quote = start;
  let backslashes: number;
  do {
    quote = text.indexOf('"', quote + 1);
    backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes += 1;
  } while (backslashes % 2 === 1);
  return quote + 1;
}

/** Whether a parsed JSON value is an object, as opposed to an array or a scalar. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
