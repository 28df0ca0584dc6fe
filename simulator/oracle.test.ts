import fc from "fast-check";
import { expect, test } from "vitest";
import { expectedText, expectedTokens, promptHashes } from "./oracle.ts";
import { countTokens } from "./tokenizer.ts";

const prompt = fc.record({
  prompt: fc.string({ unit: "binary" }),
  temperature: fc.double({ min: 0, max: 2 }),
});

const routed = fc.record(
  {
    max_tokens: fc.nat(),
    max_completion_tokens: fc.nat(),
    min_tokens: fc.nat(),
    stream: fc.boolean(),
    stream_options: fc.jsonValue(),
    kv_transfer_params: fc.jsonValue(),
    model: fc.string(),
    n: fc.integer({ min: 1, max: 3 }),
    best_of: fc.nat(),
  },
  { requiredKeys: [] },
);

test("What a router changes between the legs does not change the tokens.", () => {
  fc.assert(
    fc.property(prompt, routed, routed, (asked, prefillLeg, decodeLeg) => {
      const prefill = promptHashes(JSON.stringify({ ...asked, ...prefillLeg }));
      const { prompt, ...others } = asked;
      const decode = promptHashes(JSON.stringify({ ...others, ...decodeLeg, prompt }, null, 2));

      expect(decode[0]?.kv).toBe(prefill[0]?.kv);
      expect(decode[0]?.samples[0]).toBe(prefill[0]?.samples[0]);
    }),
  );
});

test.each([
  [
    "a large integer that went through a double",
    `{"prompt":"x","seed":9007199254740993}`,
    `{"prompt":"x","seed":9007199254740992}`,
  ],
  ["another spelling of a number", `{"prompt":"x","temperature":1.0}`, `{"prompt":"x","temperature":1}`],
  [
    "another order of tool schema members",
    `{"prompt":"x","tools":[{"b":1,"2":1}]}`,
    `{"prompt":"x","tools":[{"2":1,"b":1}]}`,
  ],
  [
    "another role",
    `{"messages":[{"role":"user","content":"x"}]}`,
    `{"messages":[{"role":"system","content":"x"}]}`,
  ],
  ["white space in a prompt", `{"prompt":"x "}`, `{"prompt":"x"}`],
  ["a field that was dropped", `{"prompt":"x","top_p":0.5}`, `{"prompt":"x"}`],
])("%s changes the tokens.", (_, sent, arrived) => {
  expect(expectedText(arrived, 8)).not.toBe(expectedText(sent, 8));
});

test("Lone surrogates are told apart from each other and from the replacement character.", () => {
  const texts = [String.raw`\ud800`, String.raw`\udfff`, "\ufffd"].map((x) =>
    expectedText(`{"prompt":"${x}"}`, 8),
  );

  expect(new Set(texts).size).toBe(3);
});

test("A longer answer begins with the shorter one.", () => {
  fc.assert(
    fc.property(prompt, fc.nat(50), fc.nat(50), (asked, short, more) => {
      const body = JSON.stringify(asked);

      const tokens = expectedTokens(body, short + more);

      expect(tokens.slice(0, short)).toEqual(expectedTokens(body, short));
      expect(tokens.join("")).toBe(expectedText(body, short + more));
    }),
  );
});

test("A token that is missing or there twice shows in the text.", () => {
  fc.assert(
    fc.property(prompt, fc.nat(30), (asked, index) => {
      const tokens = expectedTokens(JSON.stringify(asked), 32);
      const missing = tokens.toSpliced(index, 1).join("");
      const twice = tokens.toSpliced(index, 0, tokens[index] ?? "").join("");

      const whole = tokens.join("");

      expect(whole.startsWith(missing)).toBe(false);
      expect(twice.startsWith(whole)).toBe(false);
    }),
  );
});

test("The tokenizer counts as many tokens in an answer as were generated.", () => {
  fc.assert(
    fc.property(prompt, fc.nat(200), (asked, count) => {
      expect(countTokens(expectedText(JSON.stringify(asked), count))).toBe(count);
    }),
  );
});

test("An engine with another seed, that is with other weights, answers otherwise.", () => {
  expect(expectedText(`{"prompt":"x"}`, 8, 1)).not.toBe(expectedText(`{"prompt":"x"}`, 8, 2));
});

test("The tokens never change from version to version.", () => {
  expect(expectedText(`{"model":"sim","prompt":"Hello"}`, 8)).toMatchInlineSnapshot(
    `"Shy eels answer bowls. Amber goats bring roads."`,
  );
});
