import fc from "fast-check";
import { scanObject } from "../json/spans.ts";

/** The members that a scan for `keys` finds, as text. */
export const membersOf = (text: string, keys: readonly string[]) => {
  const bytes = Buffer.from(text);
  return scanObject(bytes, keys).map(({ key, start, valueStart, end }) => ({
    key,
    member: bytes.toString("utf8", start, end),
    value: bytes.toString("utf8", valueStart, end),
  }));
};

const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/);

/** JSON text with white space anywhere and strings with escapes, of any value. */
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; string: string }>((tie) => ({
  string: fc.oneof(
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.stringMatching(/^(?:[a-z{}[\],:]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,6}$/).map((text) => `"${text}"`),
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("true", "false", "null"),
    fc.stringMatching(/^-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,4})?(?:[eE][+-]?[0-9]{1,2})?$/),
    tie("string"),
    fc
      .tuple(space, fc.array(fc.tuple(space, tie("value"), space), { maxLength: 4 }))
      .map(([inner, items]) => `[${items.map((item) => item.join("")).join(",") || inner}]`),
    objectText(tie("string"), tie("value")),
  ),
})).value;

function objectText(key: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const member = fc.tuple(space, key, space, space, value, space);
  return fc
    .tuple(space, fc.array(member, { maxLength: 5 }))
    .map(
      ([inner, members]) =>
        `{${members.map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`).join(",") || inner}}`,
    );
}

export const KEYS = ["stream", "max_tokens", "kv_transfer_params", "__proto__", ""];
/** A top-level object, with keys of ours in plain and escaped spelling among others. */
export const topLevel = objectText(
  fc.oneof(
    fc.constantFrom(...KEYS).map((key) => JSON.stringify(key)),
    fc
      .constantFrom(...KEYS)
      .map((key) => `"${[...key].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("")}"`),
    fc.string().map((key) => JSON.stringify(key)),
  ),
  jsonText,
);
