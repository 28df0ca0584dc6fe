import fc from "fast-check";
import { expect, test } from "vitest";
import { countTokens, tokensOf } from "../../simulator/tokenizer.ts";
import { costsBy, estimatedTokens, syntheticPrompt } from "./prompts.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const places = fc.integer({ min: 0, max: 10_000_000 });
/** Of a block of a prefix cache, the smallest in use. */
const BLOCK = 16;

test("A prompt has exactly as many tokens as asked for, counted by a tokenizer that cuts at line feeds.", async () => {
  const costs = await costsBy(countTokens);

  fc.assert(
    fc.property(seeds, places, fc.integer({ min: 1, max: 3000 }), (seed, place, tokens) => {
      expect(countTokens(syntheticPrompt(seed, place, tokens, costs))).toBe(tokens);
    }),
  );
});

test("The same seed and place make the same prompt; other places begin with another block.", async () => {
  const costs = await costsBy(countTokens);
  const block = (seed: number, place: number) =>
    tokensOf(syntheticPrompt(seed, place, 64, costs))
      .slice(0, BLOCK)
      .join(" ");

  fc.assert(
    fc.property(seeds, places, places, (seed, one, other) => {
      expect(block(seed, one)).toBe(block(seed, one));
      if (one !== other) expect(block(seed, one)).not.toBe(block(seed, other));
    }),
  );
});

test("Ten thousand prompts of each of two seeds have as many beginnings.", async () => {
  const costs = await costsBy(countTokens);
  const beginnings = new Set<string>();
  for (const seed of [1, 2]) {
    for (let place = 0; place < 10_000; place++) {
      beginnings.add(
        tokensOf(syntheticPrompt(seed, place, 16, costs))
          .slice(0, BLOCK)
          .join(" "),
      );
    }
  }

  expect(beginnings.size).toBe(20_000);
});

test("A long prompt has Chinese, line feeds and what JSON escapes.", async () => {
  const text = syntheticPrompt(7, 0, 2000, await costsBy(countTokens));

  expect(text).toMatch(/\p{Script=Han}/u);
  for (const part of ["\n", "\t", '"', "\\"]) expect(text).toContain(part);
});

test("Where nobody counts, lengths are guessed, and are never nothing.", async () => {
  const costs = await costsBy(estimatedTokens);

  for (const tokens of [1, 2, 50, 500]) {
    const text = syntheticPrompt(1, 1, tokens, costs);
    expect(text).not.toBe("");
    expect(Math.abs(estimatedTokens(text) - tokens)).toBeLessThanOrEqual(1);
  }
});
