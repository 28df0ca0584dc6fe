/**
 * Words of which one is in whatever a pattern matches, in small letters; undefined where that cannot be said. To look for
 * them first takes a small part of the time.
 */
export function needlesOf({ source }: RegExp): readonly string[] | undefined {
  const found = alternativesOf(source).map(needlesOfOne);
  return found.every((one) => one !== undefined) ? found.flat() : undefined;
}

/** Groups, classes, escapes and single characters, each with what says how often it is there. */
const tokens = /(\\.|\[(?:\\.|[^\]\\])*\]|[^\\[])(\?|\{\d+,?\d*\})?\??/gy;

interface Part {
  readonly text: string;
  readonly exactly: number;
  readonly isOptional: boolean;
  readonly isRepeated: boolean;
}

/** The ways that a source offers, as the parts of each. */
function alternativesOf(source: string): Part[][] {
  const ways: Part[][] = [[]];
  let depth = 0;
  let group = "";
  for (const [whole, text = "", often = ""] of source.matchAll(tokens)) {
    if (text === "(") depth++;
    if (depth > 0) group += whole;
    else if (text === "|") ways.push([]);
    else ways.at(-1)?.push(part(text, often));
    if (text === ")" && --depth === 0) {
      ways.at(-1)?.push(part(group.slice(0, group.length - (whole.length - 1)), often));
      group = "";
    }
  }
  return ways;
}

const part = (text: string, often: string): Part => ({
  text,
  isOptional: /^(\?|\{0)/.test(often),
  exactly: Number(/^\{(\d+)\}/.exec(often)?.[1] ?? 1),
  isRepeated: !/^(\{\d+\})?$/.test(often),
});

/** The longest word that must be there; without one, those of a group. */
function needlesOfOne(parts: readonly Part[]): readonly string[] | undefined {
  let run = "";
  const runs: string[] = [];
  for (const { text, exactly, isOptional, isRepeated } of parts) {
    const literal = /^\\\W$/.test(text) ? text.slice(1) : text;
    const isLiteral = literal.length === 1 && !/^[.^$]$/.test(text);
    if (isLiteral && !isOptional) run += literal.repeat(exactly);
    if (isLiteral && !isRepeated) continue;
    runs.push(run);
    run = "";
  }
  const [longest = ""] = [...runs, run].sort((a, b) => b.length - a.length);
  if (longest.length > 2) return [longest.toLowerCase()];
  const groups = parts.filter(({ text, isOptional }) => /^\((?!\?[!=<])/.test(text) && !isOptional);
  return groups
    .map(({ text }) => needlesOf(new RegExp(text.replace(/^\((\?:)?/, "").slice(0, -1))))
    .find((one) => one !== undefined);
}

/**
 * Says which patterns need to be searched for in a text: those of which a word is in it. One search for all words takes
 * the time of a few searches for a pattern.
 */
export function dueIn<T extends { readonly pattern: RegExp }>(
  items: readonly T[],
): (text: string) => readonly T[] {
  const needles = new Map(items.map((item) => [item, needlesOf(item.pattern)]));
  const all = [...new Set([...needles.values()].flatMap((one) => one ?? []))];
  // A word within another word stands for both.
  const words = all.filter((word) => !all.some((other) => other !== word && word.includes(other)));
  const byWord = new Map(
    words.map((word) => [word, items.filter((item) => needles.get(item)?.some((one) => one.includes(word)))]),
  );
  const always = items.filter((item) => needles.get(item) === undefined);
  const any = new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "gi");
  return (text) => {
    const found = new Set<string>();
    any.lastIndex = 0;
    for (let match = any.exec(text); match !== null; match = any.exec(text)) {
      found.add(match[0].toLowerCase());
      // Words may overlap.
      any.lastIndex = match.index + 1;
    }
    const due = new Set([...found].flatMap((word) => byWord.get(word) ?? []));
    return [...always, ...due];
  };
}
