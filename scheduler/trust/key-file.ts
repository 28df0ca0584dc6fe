/** A key that clients show, known by its hash alone. */
export interface Key {
  /** Of whoever holds it; who has several, as while one takes the place of another, has the same name for all. */
  readonly name: string;
  /** SHA-256 of the key, in hexadecimal. */
  readonly sha256: string;
  /** Whether the headers of a request count that say how it is to be treated. */
  readonly trusted: boolean;
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
const FIX =
  "write NAME sha256:HASH a line, and `trusted` behind it if so; `ascend-pd key new NAME` makes one";

/**
 * Reads lines of `NAME sha256:HASH [trusted]`; `#` begins a comment. A file without its last line's end is taken for half
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
    const [name = "", sha256 = "", ...flags] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (name === "") continue;
    const wrong = problemOf(name, sha256, flags, keys);
    if (wrong === undefined)
      keys.push({ name, sha256: sha256.slice("sha256:".length), trusted: flags.length > 0 });
    else problems.push({ message: `line ${index + 1}: ${wrong}`, fix: FIX });
    if (problems.length > 20) break;
  }
  if (problems.length > 0) return { problems };
  if (keys.length === 0) return { problems: [{ message: "it has no keys", fix: FIX }] };
  return keys;
}

function problemOf(
  name: string,
  sha256: string,
  flags: readonly string[],
  keys: readonly Key[],
): string | undefined {
  if (!NAME.test(name))
    return "it begins with no name of up to 63 letters, digits, dots, hyphens and underscores";
  if (name === OPERATOR) return `the name ${OPERATOR} is the administration's`;
  if (!SHA256.test(sha256)) return `behind ${name} stands no sha256: and 64 small hexadecimal digits`;
  if (flags.length > 1 || (flags.length === 1 && flags[0] !== "trusted"))
    return `behind the hash of ${name} stands something else than \`trusted\``;
  if (keys.some((key) => sha256.endsWith(key.sha256))) return `the key of ${name} stands there twice`;
  if (keys.length === MAX_KEYS) return `it has more than ${MAX_KEYS} keys`;
  return undefined;
}
