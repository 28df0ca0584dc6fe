import { expect, test } from "vitest";
import { frameReader, type Piece } from "./frames.ts";

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function read(bytes: Buffer, size: number): Piece[] {
  const pieces: Piece[] = [];
  const add = frameReader((piece) => pieces.push(piece));
  for (let at = 0; at < bytes.length; at += size) add(bytes.subarray(at, at + size));
  return pieces;
}

/** The same text whatever the pieces. */
const joined = (pieces: readonly Piece[], stream: number) =>
  Buffer.from(
    pieces
      .filter((one) => one.stream === stream)
      .map(({ text }) => text)
      .join(""),
    "latin1",
  ).toString();

test.each([1, 3, 7, 8, 9, 1000])(
  "Frames are told apart in pieces of %d bytes, wherever those are cut.",
  (size) => {
    const bytes = Buffer.concat([
      frame(1, "first 数\n"),
      frame(2, "second\n"),
      frame(1, ""),
      frame(1, "third\n"),
    ]);

    const pieces = read(bytes, size);

    expect([joined(pieces, 1), joined(pieces, 2)]).toEqual(["first 数\nthird\n", "second\n"]);
    expect(pieces.filter(({ begins }) => begins)).toHaveLength(3);
  },
);

test("What a container with a terminal wrote has no frames.", () => {
  const pieces = read(Buffer.from("2026-11-29T01:02:03.000000000Z line\r\n"), 10);

  expect(joined(pieces, 1)).toBe("2026-11-29T01:02:03.000000000Z line\r\n");
  expect(pieces.some(({ begins }) => begins)).toBe(false);
});

test("A frame that says it is larger than any is passed on as it comes.", () => {
  const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);

  expect(joined(read(Buffer.concat([header, Buffer.from("text")]), 5), 1)).toBe("text");
});
