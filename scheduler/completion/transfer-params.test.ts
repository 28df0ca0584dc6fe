import fc from "fast-check";
import { expect, test } from "vitest";
import { EventSplitter } from "./sse.ts";
import { withoutTransferParams } from "./transfer-params.ts";

/** A JSON text as it is made: nothing of it has to be read to know what may stay. */
type Node =
  | { readonly scalar: string }
  | { readonly items: readonly Node[] }
  | { readonly members: readonly Member[] };

interface Member {
  /** Between the quotes. */
  readonly spelling: string;
  readonly colon: string;
  readonly value: Node;
}

const PARAMS = ["kv_transfer_params", "ec_transfer_params"];
const SECRET = '{"remote_host":"10.9.8.7"}';

/** The text, `space` between tokens. With `kept` what a client may see of it. */
function write(node: Node, space: () => string, kept: boolean): string {
  const list = (texts: readonly string[]) => texts.map((one) => space() + one + space()).join(",") || space();
  if ("scalar" in node) return node.scalar;
  if ("items" in node) return `[${list(node.items.map((item) => write(item, space, kept)))}]`;
  const members = node.members.flatMap(({ spelling, colon, value }) => {
    const text = `"${spelling}"${colon}${write(value, space, kept)}`;
    const isHidden = PARAMS.includes(JSON.parse(`"${spelling}"`));
    return kept && isHidden && !PARAMS.some((key) => text === `"${key}":null`) ? [] : [text];
  });
  return `{${list(members)}}`;
}

/** `text` without the white space between its tokens. */
const squeezed = (text: string) => text.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g, "$1");

/** Some letters of `key` escaped. */
const spelt = (key: string) =>
  fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: key.length, maxLength: key.length }).map((how) =>
    [...key]
      .map((letter, at) => {
        const code = letter.charCodeAt(0).toString(16).padStart(4, "0");
        return [letter, `\\u${code}`, `\\u${code.toUpperCase()}`][how[at] ?? 0];
      })
      .join(""),
  );
/** What looks like a key of ours and is none: text between quotes. */
const lookalike = fc
  .array(
    fc.constantFrom(
      ...[
        ...PARAMS,
        '\\"',
        '\\"kv_transfer_params\\":{',
        ":null",
        ":",
        "{",
        "}",
        ",",
        " ",
        "\\\\",
        "\\n",
        "é",
      ],
      ...["\\u0022", "\\u00e9", "_transfer_params", "data: [DONE]"],
    ),
    { maxLength: 5 },
  )
  .map((pieces) => pieces.join(""));
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...PARAMS) },
  fc.constantFrom(...PARAMS).chain(spelt),
  lookalike,
);
const colon = fc.constantFrom(":", ":", ":", " :", ": ", "\n:\t");
const { value: json, members: object } = fc.letrec<{ value: Node; members: Node }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("null", "null", "1.50", "true", `"10.9.8.7"`).map((scalar) => ({ scalar })),
    lookalike.map((text) => ({ scalar: `"${text}"` })),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => ({ items })),
    tie("members"),
  ),
  members: fc
    .array(fc.record({ spelling: key, colon, value: tie("value") }), { maxLength: 5 })
    .map((members) => ({ members })),
}));

/** One after the other, over and over. */
function spaced(spaces: readonly string[]): () => string {
  let at = 0;
  return () => spaces[at++ % spaces.length] ?? "";
}
const spaces = (...some: string[]) =>
  fc.oneof(fc.constant([""]), fc.array(fc.constantFrom("", "", ...some), { minLength: 1, maxLength: 7 }));

test("Of any JSON all parameters are cut, at any depth and in any spelling, and nothing else.", () => {
  fc.assert(
    fc.property(json, spaces(" ", "\n", "\t \r\n"), (node, some) => {
      const text = write(node, spaced(some), false);

      const clean = withoutTransferParams(Buffer.from(text)).toString();

      expect(squeezed(clean)).toBe(squeezed(write(node, () => "", true)));
    }),
    { numRuns: 5000 },
  );
});

test("Of any stream the same is cut, wherever it is read in two and whatever data lines it has.", () => {
  fc.assert(
    fc.property(
      fc.array(object, { minLength: 1, maxLength: 4 }),
      spaces(" ", "\n"),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.constantFrom("", "\ufeff"),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
      (nodes, some, lineEnd, mark, places) => {
        const texts = nodes.map((node) => write(node, spaced(some), false));
        const bytes = Buffer.from(mark + texts.map((text) => asEvent(text, lineEnd)).join(""));

        const pass = throughSplitter(bytes, places);

        const clean = texts.map((text) => withoutTransferParams(Buffer.from(text)).toString());
        expect(pass).toBe(clean.map((text) => asEvent(text, lineEnd)).join(""));
      },
    ),
    { numRuns: 3000 },
  );
});

const asEvent = (data: string, lineEnd: string) =>
  `${data
    .split("\n")
    .map((line) => `data: ${line}${lineEnd}`)
    .join("")}${lineEnd}`;

/** What passes of `bytes` when it comes in pieces, cut at these places from 0 to 1. */
function throughSplitter(bytes: Buffer, places: readonly number[]): string {
  const splitter = new EventSplitter();
  const at = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b);
  const pieces = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
  return Buffer.concat(pieces.map((piece) => Buffer.from(splitter.push(piece).pass))).toString();
}

test.for<[string, string, string]>([
  ["alone", `{"kv_transfer_params":${SECRET}}`, "{}"],
  ["first", `{"kv_transfer_params":${SECRET}, "a":1}`, '{"a":1}'],
  ["last", `{"a":1 , "kv_transfer_params" : ${SECRET} }`, '{"a":1 }'],
  ["side by side at the end", `{"a":1,"kv_transfer_params":${SECRET},"ec_transfer_params":[1]}`, '{"a":1}'],
  [
    "twice, once null",
    `{"kv_transfer_params":null,"kv_transfer_params":${SECRET}}`,
    '{"kv_transfer_params":null}',
  ],
  ["null with white space", '{"a":1,"kv_transfer_params": null}', '{"a":1}'],
  ["in choices", `{"choices":[{"index":0,"kv_transfer_params":${SECRET}}]}`, '{"choices":[{"index":0}]}'],
  ["in each other", `{"kv_transfer_params":{"ec_transfer_params":${SECRET}},"a":1}`, '{"a":1}'],
  ["as text", '{"kv_transfer_params":"10.9.8.7:1"}', "{}"],
  ["behind a byte order mark", `\ufeff{"kv_transfer_params":${SECRET}}`, "\ufeff{}"],
  ["in a list", `[{"kv_transfer_params":${SECRET}}]`, "[{}]"],
  [
    "beside what no scan reads",
    `{"a":${"[".repeat(200)}${"]".repeat(200)},"kv_transfer_params":${SECRET}}`,
    `{"a":${"[".repeat(200)}${"]".repeat(200)}}`,
  ],
])("Parameters %s are cut.", ([, text, expected]) => {
  expect(withoutTransferParams(Buffer.from(text)).toString()).toBe(expected);
});

test.for([
  '{"kv_transfer_params":null,"ec_transfer_params":null}',
  String.raw`{"text":"\"kv_transfer_params\":{\"remote_host\":1}"}`,
  '{"text":"kv_transfer_params","b":{}}',
  '{"x_kv_transfer_params":{}}',
  String.raw`{"x\"kv_transfer_params":{}}`,
  String.raw`{"kv\\u005ftransfer_params":{}}`,
])("%s stays as it is.", (text) => {
  const bytes = Buffer.from(text);

  expect(withoutTransferParams(bytes)).toBe(bytes);
});

test("Parameters without an end are a failure, not passed on.", () => {
  expect(() => withoutTransferParams(Buffer.from('{"kv_transfer_params":{"remote_host":"10.'))).toThrow(
    "decode instance failed",
  );
});

test("A chunk with null parameters has no closer look: it passes as the bytes that came.", () => {
  const bytes = Buffer.from('data: {"choices":[{"text":"a"}],"kv_transfer_params":null}\n\n'.repeat(3));

  const { pass, events } = new EventSplitter().push(bytes);

  expect([pass.buffer === bytes.buffer, pass.byteOffset, pass.length]).toEqual([
    true,
    bytes.byteOffset,
    bytes.length,
  ]);
  expect(events).toBe(3);
});

test("Many parameters in one text are cut in time with their number.", () => {
  const choice = `{"kv_transfer_params":${SECRET}},`.repeat(100_000);

  const clean = withoutTransferParams(Buffer.from(`{"choices":[${choice}0]}`));

  expect(clean.toString()).toBe(`{"choices":[${"{},".repeat(100_000)}0]}`);
});
