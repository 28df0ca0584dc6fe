import fc from "fast-check";
import { expect, test } from "vitest";
import { eventData } from "./event-data.ts";

test("However a stream is cut and its lines end, the data of its events comes out, and nothing else.", () => {
  const word = fc.stringMatching(/^[a-z中\u{1f600}:{}" ]*[a-z]$/u).map((text) => text.trim());
  const line = fc.oneof(
    word.map((data) => ({ text: `data: ${data}`, data: [data] })),
    word.map((data) => ({ text: `data:${data}`, data: [data] })),
    fc.constantFrom(": keep alive", "event: message", "").map((text) => ({ text, data: [] as string[] })),
  );
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom("\n", "\r\n"), fc.array(fc.nat(9)), (lines, end, sizes) => {
      const whole = lines.map(({ text }) => `${text}${end}`).join("");
      const cut = eventData();

      const got: string[] = [];
      let at = 0;
      for (const size of [...sizes, whole.length]) {
        got.push(...cut(whole.slice(at, at + size)));
        at += size;
      }

      expect(got).toEqual(lines.flatMap(({ data }) => data));
    }),
  );
});

test("A line without an end is refused before it fills memory.", () => {
  const cut = eventData();
  const much = "x".repeat(6 * 1024 * 1024);

  expect(() => [much, much, much].map(cut)).toThrow("16 MiB");
});
