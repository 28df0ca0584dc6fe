import { expect, test } from "vitest";
import { ByteBuffer } from "./bytes.ts";

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(16 * 1024, "0123456789abcdef");

test("Bytes that come in many pieces are moved a few times, not once for each.", () => {
  const bytes = new ByteBuffer(8 * MIB);
  const memories = new Set<ArrayBufferLike>();

  for (let at = 0; at < 8 * MIB; at += PIECE.length) {
    bytes.append(PIECE);
    memories.add(bytes.view().buffer);
  }

  // 16 KiB, then doubled until 8 MiB.
  expect(memories.size).toBeLessThanOrEqual(10);
  expect(bytes.view().equals(Buffer.alloc(8 * MIB, PIECE))).toBe(true);
});

test("No more room is made than bytes can come.", () => {
  const bytes = new ByteBuffer(MIB);
  let largest = 0;

  while (bytes.length < MIB) {
    bytes.append(PIECE);
    largest = Math.max(largest, bytes.view().buffer.byteLength);
  }

  expect(largest).toBe(MIB);
});

test("What is left of many bytes does not keep their memory, and is what it was.", () => {
  const bytes = new ByteBuffer();
  for (let at = 0; at < MIB; at += PIECE.length) bytes.append(PIECE);
  const before = bytes.view();

  bytes.consume(MIB - 5);
  const left = bytes.view();
  bytes.append(Buffer.from("x"));

  expect(left.toString()).toBe("bcdef");
  expect(left.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
  expect(bytes.view().toString()).toBe("bcdefx");
  expect(before.equals(Buffer.alloc(MIB, PIECE))).toBe(true);
});
