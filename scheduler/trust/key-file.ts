/** A key that clients show, known by its hash alone. */
export interface Key {
  /** Of whoever holds it; who has several, as while one takes the place of another, has the same name for all. */
  readonly name: string;
  /** SHA-256 of the key, in hexadecimal. */
  readonly sha256: string;
  /** Whether the headers of a request count that say how it is to be treated. */
  readonly trusted: boolean;
  /** Of turns, where requests wait for them. */
  readonly share: number;
  /** The lower is before the higher. */
  readonly priority: number;
}

/** What is wrong with a file, and the way out. */
export interface FileProblem {
  readonly message: string;
  readonly fix: string;
}

export const MAX_KEYS = 1000;
/** Has a pass, and stands in no file. */
export const OPERATOR = "operator";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const SHA256 = /^sha256:[0-9a-f]{64}$/;
const WORD = /^(?:trusted|share=([1-9][0-9]{0,2})|priority=(-?[0-9]{1,3}))$/;
const FIX =
  "write NAME sha256:HASH a line, and behind it `trusted`, `share=N`, `priority=N` if so; `ascend-pd key new NAME` makes one";

/**
 * Reads lines of `NAME sha256:HASH [trusted] [share=N] [priority=N]`; `#` begins a comment. A file without its last line's end is taken for half
 * of one. What a line holds is not shown: it may be a key, in the place of its hash.
 */
export function parseKeys(text: string): readonly Key[] | { readonly problems: readonly FileProblem[] } {
  if (!text.endsWith("\n"))
    return {
      problems: [{ message: "it does not end with the end of a line: it is cut off", fix: "write it anew" }],
    };
  const keys: Key[] = [];
  const problems: FileProblem[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const [name = "", sha256 = "", ...words] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (name === "") continue;
    const key = { name, sha256: sha256.slice("sha256:".length), ...treatmentOf(words) };
    const wrong = problemOf(key, sha256, words, keys);
    if (wrong === undefined) keys.push(key);
    else problems.push({ message: `line ${index + 1}: ${wrong}`, fix: FIX });
    if (problems.length > 20) break;
  }
  if (problems.length > 0) return { problems };
  if (keys.length === 0) return { problems: [{ message: "it has no keys", fix: FIX }] };
  return keys;
}

function treatmentOf(words: readonly string[]): Omit<Key, "name" | "sha256"> {
  const numberOf = (word: string, otherwise: number) => {
    const found = words.find((one) => one.startsWith(`${word}=`));
    return found === undefined ? otherwise : Number(found.slice(word.length + 1));
  };
  return {
    trusted: words.includes("trusted"),
    share: numberOf("share", 1),
    priority: numberOf("priority", 0),
  };
}

function problemOf(
  { name, share, priority }: Key,
  sha256: string,
  words: readonly string[],
  keys: readonly Key[],
): string | undefined {
  if (!NAME.test(name))
    return "it begins with no name of up to 63 letters, digits, dots, hyphens and underscores";
  if (name === OPERATOR) return `the name ${OPERATOR} is the administration's`;
  if (!SHA256.test(sha256)) return `behind ${name} stands no sha256: and 64 small hexadecimal digits`;
  const kinds = words.map((word) => word.replace(/=.*/, ""));
  if (!words.every((word) => WORD.test(word)) || new Set(kinds).size < kinds.length)
    return `behind the hash of ${name} stands something else than \`trusted\`, \`share=N\` (1 to 999) and \`priority=N\` (-999 to 999)`;
  if (keys.some((key) => sha256.endsWith(key.sha256))) return `the key of ${name} stands there twice`;
  if (keys.some((key) => key.name === name && (key.share !== share || key.priority !== priority)))
    return `the keys of ${name} have different shares or priorities`;
  if (keys.length === MAX_KEYS) return `it has more than ${MAX_KEYS} keys`;
  return undefined;
}
