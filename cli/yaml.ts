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
  if (isUtf8(bytes)) return undefined;
  return { offset: text.indexOf("\uFFFD"), message: "this byte is not UTF-8", fix: "save the file as UTF-8" };
}

function syntaxMistake({ errors, warnings }: Document): Misplaced | undefined {
  const [first] = [...errors, ...warnings];
  return first && { offset: first.pos[0], message: first.message, fix: "mend the YAML at that place" };
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
      if (isScalar(node) && typeof node.value === "number" && /^[-+]?0\d/.test(node.source ?? "")) {
        const message = `Pulumi may read ${node.source} as an octal number`;
        return stop(node, message, "leave out the leading zero, or put it in quotes");
      }
      return undefined;
    },
    Pair(_, { key }) {
      if (!isCollection(key)) return undefined;
      return stop(key, "a key is a list or a group of keys", "put the text that is meant in quotes");
    },
  });
  return mistake;
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
