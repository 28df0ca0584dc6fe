import { isUtf8 } from "node:buffer";
import {
  type Document,
  isAlias,
  isCollection,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";

/** What is wrong in a text, and where. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly fix: string;
}

type Misplaced = Pick<Mistake, "message" | "fix"> & { readonly offset: number };

/**
 * The value of a YAML file, as Pulumi reads it: with merge keys. What it would read otherwise is a mistake, as is what
 * would not fit into memory once aliases are written out.
 */
export function parseYaml(bytes: Uint8Array): { value: unknown } | { mistake: Mistake } {
  try {
    return parsed(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const fix = "see what wrote the file";
    return { mistake: { line: 1, column: 1, message: "it is too large or too deep to be read", fix } };
  }
}

function parsed(bytes: Uint8Array): ReturnType<typeof parseYaml> {
  const text = new TextDecoder().decode(bytes);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const mistake = encodingMistake(bytes, text) ?? syntaxMistake(document) ?? contentMistake(document);
  if (mistake === undefined) return { value: document.toJS({ maxAliasCount: -1 }) };
  const { offset, message, fix } = mistake;
  const { line, col } = lines.linePos(offset);
  return { mistake: { line, column: col, message, fix } };
}

function encodingMistake(bytes: Uint8Array, text: string): Misplaced | undefined {
  // UTF-16 without a byte order mark is UTF-8 too, with a NUL beside each letter.
  const offset = text.indexOf(isUtf8(bytes) ? "\0" : "\uFFFD");
  return offset < 0
    ? undefined
    : { offset, message: "this byte is not UTF-8 text", fix: "save the file as UTF-8" };
}

function syntaxMistake({ errors, warnings }: Document): Misplaced | undefined {
  const [first] = [...errors, ...warnings];
  if (first === undefined) return undefined;
  const [offset] = first.pos;
  return first.code === "MULTIPLE_DOCS"
    ? { offset, message: "here a second document begins", fix: "put all into one, without `---`" }
    : { offset, message: first.message, fix: "mend the YAML at that place" };
}

/** What all aliases of a file may stand for, in nodes; a thousand instances that share settings need a hundredth. */
const aliasLimit = 1_000_000;

function contentMistake(document: Document): Misplaced | undefined {
  const anchors = new Map<string, Node>();
  const sizes = new Map<unknown, number>();
  let mistake: Misplaced | undefined;
  let aliased = 0;
  const stop = (node: Node, message: string, fix: string) => {
    mistake = { offset: node.range?.[0] ?? 0, message, fix };
    return visit.BREAK;
  };
  visit(document, {
    Node(_, node, path) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target === undefined) return stop(node, `there is no anchor &${node.source}`, "write it out");
        if (path.includes(target)) return stop(node, `*${node.source} is within itself`, "write it out");
        sizes.set(node, size(target, sizes));
        aliased += size(node, sizes);
        return aliased > aliasLimit
          ? stop(node, "the aliases up to here stand for too much", "use fewer")
          : undefined;
      }
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      const misread = isScalar(node) ? misreading(node) : undefined;
      return misread === undefined
        ? undefined
        : stop(node, misread, "put it in quotes, or write the number in decimal digits");
    },
    Pair(_, { key }) {
      if (!isCollection(key)) return undefined;
      return stop(key, "a key is a list or a group of keys", "put the text that is meant in quotes");
    },
  });
  return mistake;
}

/** Where Pulumi, whose YAML is an older one, takes an unquoted value for something else. */
function misreading({ type, value, source = "" }: Scalar): string | undefined {
  if (type !== "PLAIN") return undefined;
  if (typeof value === "number") {
    return /^[-+]?0\d/.test(source) ? `Pulumi may read ${source} as an octal number` : undefined;
  }
  if (/^\d{4}-\d{1,2}-\d{1,2}($|[Tt ])/.test(source)) return `Pulumi may read ${source} as a date`;
  const isNumber = /^[-+]?(0[xob][\da-f_]+|\d[\d_]*(\.[\d_]*)?(e[-+]?\d[\d_]*)?)$/i.test(source);
  return isNumber ? `Pulumi reads ${source} as a number` : undefined;
}

/** Nodes in `node`, with what aliases stand for. `sizes` has every alias in it, and remembers the rest. */
function size(node: unknown, sizes: Map<unknown, number>): number {
  const known = sizes.get(node);
  if (known !== undefined) return known;
  if (isPair(node)) return size(node.key, sizes) + size(node.value, sizes);
  if (!isCollection(node)) return 1;
  const total = node.items.reduce<number>((sum, item) => sum + size(item, sizes), 1);
  sizes.set(node, total);
  return total;
}
