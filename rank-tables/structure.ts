/** What JSON.parse does not tell of a text that it accepts. */
export interface Structure {
  /** The first key that its object has twice: of the two one reader takes the first and another the last. */
  readonly repeated: RepeatedKey | undefined;
  /** How many objects and lists are within each other where it is deepest. */
  readonly depth: number;
}

export interface RepeatedKey {
  /** Keys and places that lead to the object. */
  readonly path: readonly (string | number)[];
  readonly key: string;
  /** Of the second one, from 1. */
  readonly line: number;
}

/** An object or list that is open; `at` is the key or the place that is being read in it. */
type Level = { readonly keys: Set<string>; at: string } | { readonly keys?: never; at: number };

/**
 * Keys are compared as they are read, so that `"\u0061"` is `"a"`. One pass and no recursion: a file may be as deep and
 * as large as it likes.
 */
export function structureOf(text: string): Structure {
  const levels: Level[] = [];
  let depth = 0;
  let isKey = false;
  let repeated: RepeatedKey | undefined;
  const open = (level: Level) => {
    levels.push(level);
    depth = Math.max(depth, levels.length);
    isKey = level.keys !== undefined;
  };
  for (let index = 0; index < text.length; index++) {
    switch (text[index]) {
      case "{":
        open({ keys: new Set(), at: "" });
        break;
      case "[":
        open({ at: 0 });
        break;
      case "}":
      case "]":
        levels.pop();
        break;
      case ",": {
        const level = levels.at(-1);
        isKey = level?.keys !== undefined;
        if (level !== undefined && level.keys === undefined) level.at++;
        break;
      }
      case '"': {
        const end = endOfString(text, index);
        const level = levels.at(-1);
        if (isKey && level?.keys !== undefined) {
          level.at = JSON.parse(text.slice(index, end));
          if (level.keys.has(level.at)) repeated ??= place(levels, level.at, text.slice(0, index));
          level.keys.add(level.at);
        }
        isKey = false;
        index = end - 1;
      }
    }
  }
  return { repeated, depth };
}

const place = (levels: readonly Level[], key: string, before: string): RepeatedKey => ({
  path: levels.slice(0, -1).map(({ at }) => at),
  key,
  line: before.split("\n").length,
});

/** Behind the quote that closes the string which opens at `start`: the next one that no odd number of `\` escapes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let first = quote;
    while (text[first - 1] === "\\") first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
  return text.length;
}
