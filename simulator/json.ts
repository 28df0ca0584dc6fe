const TOKEN = /"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The members of a JSON object, their values as JSON text: strings in one spelling, no white space, everything
 * else (number literals, order of nested members) as written. Of equal names the last wins.
 * `text` must be a valid JSON object.
 */
export function members(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let depth = 0;
  let member: string[] = [];
  for (const token of tokens(text)) {
    if (token === "}" || token === "]") depth -= 1;
    if (depth === 0 || (depth === 1 && token === ",")) {
      const [name, , ...value] = member;
      if (name !== undefined) found.set(JSON.parse(name), value.join(""));
      member = [];
    } else {
      member.push(token);
    }
    if (token === "{" || token === "[") depth += 1;
  }
  return found;
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
