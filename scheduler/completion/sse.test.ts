import fc from "fast-check";
import { expect, test } from "vitest";
import { EventSplitter, MAX_EVENT_BYTES } from "./sse.ts";

interface Outcome {
  readonly pass: string;
  readonly end: string | undefined;
  readonly error: string;
}

/**
 * What a splitter makes of these pieces, until it says that the stream is over. All come in the same memory, as
 * what is read from engines does.
 */
function split(pieces: readonly Buffer[]): Outcome {
  const splitter = new EventSplitter();
  const input = Buffer.alloc(Math.max(0, ...pieces.map(({ length }) => length)));
  let pass = "";
  for (const piece of pieces) {
    piece.copy(input);
    const events = splitter.push(input.subarray(0, piece.length));
    pass += events.pass.toString("latin1");
    if (events.end === undefined) continue;
    return { pass: settled(pass), end: events.end, error: events.error?.toString("latin1") ?? "" };
  }
  return { pass, end: undefined, error: "" };
}

/** Behind the last event nothing is waited for: the LF of its last CRLF may be missing, or made up. */
const settled = (text: string) => text.replace(/\r\n$/, "\r");

/** `bytes` cut at these places, in any order. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at]
    .map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
    .filter(({ length }) => length > 0);
}

const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const line = fc.oneof(
  fc.constantFrom(
    "data: [DONE]",
    "data:[DONE]",
    "data",
    ": comment",
    "id: 1",
    "data: x",
    'data: {"error":null}',
    "",
    "",
  ),
  fc.constantFrom(
    'data: {"error":{"code":500}}',
    'data: {"kv_transfer_params":1}',
    'data: {"kv_transfer_params":null}',
    "data: \\u00e9",
  ),
  fc.string({ unit: "binary" }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
);
const stream = fc
  .tuple(fc.constantFrom("", "", "\ufeff"), fc.array(fc.tuple(line, lineEnd), { maxLength: 20 }))
  .map(([mark, lines]) => Buffer.from(mark + lines.map((one) => one.join("")).join("")));

/** Written after the standard, line by line, with the whole stream at hand. */
function byTheStandard(text: string): Pick<Outcome, "pass" | "end"> {
  let pass = "";
  let block = "";
  let data: string[] = [];
  let started = false;
  for (const [whole, content = ""] of text.replace(/^\xef\xbb\xbf/, "").matchAll(/([^\r\n]*)(\r\n|\n|\r)/g)) {
    block += whole;
    const colon = content.indexOf(":");
    const field = colon === -1 ? content : content.slice(0, colon);
    if (field === "data") data.push(colon === -1 ? "" : content.slice(colon + 1).replace(/^ /, ""));
    if (content !== "" || (data.length === 0 && !started)) continue;
    started = true;
    const payload = data.join("\n");
    if (payload === "[DONE]") return { pass: settled(pass + block), end: "done" };
    if (isError(payload)) return { pass: settled(pass), end: "error" };
    pass += block;
    block = "";
    data = [];
  }
  return { pass, end: undefined };
}

function isError(payload: string): boolean {
  try {
    const value = JSON.parse(payload);
    return !Array.isArray(value) && Boolean(value?.error);
  } catch {
    return false;
  }
}

test("Any stream without KV parameters is split as the standard says, wherever it is cut.", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (bytes, places) => {
      fc.pre(!bytes.includes('kv_transfer_params":1'));
      const expected = byTheStandard(bytes.toString("latin1"));

      const { pass, end } = split(cut(bytes, places));

      expect({ pass, end }).toEqual(expected);
    }),
    { numRuns: 5000 },
  );
});

test("Any stream is split alike however it is cut.", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (bytes, places) => {
      expect(split(cut(bytes, places))).toEqual(split([...bytes].map((byte) => Buffer.from([byte]))));
    }),
    { numRuns: 3000 },
  );
});

test("An event of the largest size passes, a larger one is a failure.", () => {
  const event = (size: number) => Buffer.from(`data: ${"x".repeat(size - 8)}\n\n`);

  expect(split([event(MAX_EVENT_BYTES)]).pass).toHaveLength(MAX_EVENT_BYTES);
  expect(() => split([event(MAX_EVENT_BYTES + 2).subarray(0, -1)])).toThrow("decode instance failed");
});

test("An event of the largest size needs no more memory than it has bytes, and gives it back behind it.", () => {
  const splitter = new EventSplitter();
  const event = Buffer.from(`data: ${"x".repeat(MAX_EVENT_BYTES - 8)}\n\ndata: half`);
  const memories = new Set<ArrayBufferLike>();
  for (let at = 0; at < event.length; at += 16 * 1024) {
    const { pass } = splitter.push(event.subarray(at, at + 16 * 1024));
    if (pass.length > 0) memories.add(pass.buffer);
  }

  const { pass } = splitter.push(Buffer.from("\n\n"));

  expect([...memories].map(({ byteLength }) => byteLength)).toEqual([MAX_EVENT_BYTES]);
  expect(pass.toString()).toBe("data: half\n\n");
  expect(pass.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
});

test.for([
  [1024 * 1024, "error"],
  [1024 * 1024 + 1, undefined],
] as const)("An event whose data has %i bytes and an error ends the stream with %s.", ([size, end]) => {
  const data = '{"error":{"code":500},"more":""}';
  const event = `data: ${data.replace('""', `"${"x".repeat(size - data.length)}"`)}\n\n`;

  const outcome = split([Buffer.from(event)]);

  expect(outcome.end).toBe(end);
  expect(outcome.pass.length).toBe(end === undefined ? event.length : 0);
});

test("Data lines of an event that has a closer look are joined in time with their number.", () => {
  const lines = "data: [1,\n".repeat(100_000);

  const { pass } = split([Buffer.from(`data: "error"\n${lines}\r\n\r\n`)]);

  expect(pass).toHaveLength(lines.length + 18);
});
