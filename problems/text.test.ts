import fc from "fast-check";
import { expect, test } from "vitest";
import { visible, visibleLines } from "./text.ts";

test.each([
  ["colours", "\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
  ["a command of one character", "\u009b2J", "\\u009b2J"],
  ["a title of the window", "\u001b]0;title\u0007", "\\u001b]0;title\\u0007"],
  ["what turns the direction of writing", "safe\u202egpj.exe\u2066", "safe\\u202egpj.exe\\u2066"],
  ["what has no width", "a\u200bb\ufeff", "a\\u200bb\\ufeff"],
  ["what has no width, beyond 16 bits", "a\u{e0041}", "a\\udb40\\udc41"],
  ["halves", "a\ud800", "a\\ud800"],
  ["other ends of lines", "a\u2028b\u0085c\rd", "a\\u2028b\\u0085c\\rd"],
  ["deleting", "a\u007f\b", "a\\u007f\\u0008"],
])("Of %s a terminal shows the characters, and obeys none.", (_, text, shown) => {
  expect([visible(text), visibleLines(text)]).toEqual([shown, shown]);
});

test("Lines and columns stay where they are wanted, and nowhere else.", () => {
  const text = "one\r\n\ttwo\n";

  expect(visibleLines(text)).toBe("one\n\ttwo\n");
  expect(visible(text)).toBe("one\\r\\n\\ttwo\\n");
});

test("What people write stays as it is.", () => {
  const text = "prefill-0 läuft, 预填充 ✓ 🚀 C:\\u";

  expect([visible(text), visibleLines(text)]).toEqual([text, text]);
});

test("JSON is shown as JSON of the same value, whatever is in it.", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = visibleLines(JSON.stringify({ [text]: [text] }, undefined, 2));

      expect(JSON.parse(shown)).toEqual({ [text]: [text] });
      expect(shown).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});
