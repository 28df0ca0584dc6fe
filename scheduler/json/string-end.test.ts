import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import wabt from "wabt";
import { BLOCK, PROGRAM, stringEnd } from "./string-end.ts";

/** What it has to find, one byte after the other. */
function plainStringEnd(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === 0x22) return at;
    if (bytes[at] === 0x5c) at++;
  }
  return -1;
}

test("The program is what its source says.", async () => {
  const source = readFileSync(new URL("string-end.wat", import.meta.url), "utf8");

  const module = (await wabt()).parseWat("string-end.wat", source, { simd: true });

  expect(PROGRAM).toBe(Buffer.from(module.toBinary({}).buffer).toString("base64"));
});

const hard = fc.array(fc.constantFrom('"', "\\", "\\\\", '\\"', "x", "é", "\0", "x".repeat(61)), {
  maxLength: 200,
});

test("The end of a string is found as byte by byte.", () => {
  fc.assert(
    fc.property(hard, fc.nat(70), (parts, from) => {
      const bytes = Buffer.from(`${"x".repeat(from)}${parts.join("")}`);

      expect(stringEnd(bytes, from)).toBe(plainStringEnd(bytes, from));
    }),
    { numRuns: 5000 },
  );
});

test("It is found across the blocks that are looked at in one go.", () => {
  const from = 7;
  fc.assert(
    fc.property(fc.integer({ min: -70, max: 70 }), fc.nat(70), hard, (offset, slashes, parts) => {
      const before = "x".repeat(from + BLOCK + offset - slashes);
      const bytes = Buffer.from(`${before}${"\\".repeat(slashes)}"${parts.join("")}`);

      expect(stringEnd(bytes, from)).toBe(plainStringEnd(bytes, from));
    }),
    { numRuns: 500 },
  );
});

test("What a longer text before has left behind is not found again.", () => {
  stringEnd(Buffer.from('x"'.repeat(BLOCK)), 0);

  expect(stringEnd(Buffer.from("xx"), 0)).toBe(-1);
});
