import fc from "fast-check";
import { expect, test } from "vitest";
import type { Change, Difference, Operation } from "../differences/change.ts";
import { differences, propertiesOf } from "../differences/properties.ts";
import { failureMarkdown, longestComment, markdownOf } from "./markdown.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "`",
    "``` \n</details>\n# x",
    "</details><script>",
    "@everyone",
    "| a | b |",
    "\n\n- [x](javascript:x)",
    "\u202Egnp",
    "\0",
    "\uD800",
    "<!-- ",
    "$`x`$",
    "/close",
  ),
  fc.integer({ min: 1, max: 3000 }).map((length) => "`@x ".repeat(length)),
);

const canary = "c4n4ry-c4n4ry";
const secret = fc.constantFrom(
  { HF_TOKEN: canary },
  { args: `--password ${canary}` },
  { url: `http://u:${canary}@h` },
  { x: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: canary } },
);
const values = fc.tuple(fc.dictionary(hostile, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 30 }), secret);

const placement = fc.record({
  host: hostile,
  npus: fc.array(fc.nat(15), { maxLength: 20 }),
});
const change: fc.Arbitrary<Change> = fc
  .record({
    subject: fc.constantFrom<Change["subject"]>("prefill", "decode", "scheduler", "host", "resource"),
    name: fc.oneof(hostile, fc.constantFrom("prefill-0", "decode-1", "scheduler")),
    operation: fc.constantFrom<Operation>("create", "replace", "update", "delete"),
    before: placement,
    after: placement,
    old: values,
    new: values,
  })
  .map(({ old, new: now, ...rest }) => ({
    ...rest,
    properties: differences(propertiesOf(Object.assign({}, ...old)), propertiesOf(Object.assign({}, ...now))),
  }));

const difference: fc.Arbitrary<Difference> = fc.record({
  source: fc.constantFrom<Difference["source"]>("preview", "prediction"),
  stack: hostile,
  changes: fc.oneof(
    fc.array(change, { maxLength: 10 }),
    // As many as a large stack has.
    fc
      .tuple(fc.array(change, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 400 }))
      .map(([some, times]) => Array.from({ length: times }, () => some).flat()),
  ),
  containers: fc.array(fc.record({ role: fc.constantFrom("prefill", "decode", "scheduler"), name: hostile })),
  warnings: fc.array(hostile, { maxLength: 50 }),
});

/** What is left of Markdown when everything in code is taken away, by CommonMark's rules for fences and spans. */
function outsideCode(markdown: string): string {
  const outside: string[] = [];
  let fence: string | undefined;
  for (const line of markdown.split("\n")) {
    const [, ticks] = /^(`{3,})[^`]*$/.exec(line) ?? [];
    if (fence === undefined && ticks !== undefined) fence = ticks;
    else if (fence === undefined) outside.push(line.replace(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g, "CODE"));
    else if (ticks !== undefined && line === ticks && ticks.length >= fence.length) fence = undefined;
  }
  expect(fence).toBeUndefined();
  return outside.join("\n");
}

test("Whatever changes: at most 60,000 characters, nothing breaks out of code, and no secret is in it.", () => {
  fc.assert(
    fc.property(difference, (any) => {
      const markdown = markdownOf(any);

      expect(markdown.length).toBeLessThanOrEqual(longestComment);
      expect(markdown).not.toContain(canary);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(markdown).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/);
      const outside = outsideCode(markdown);
      expect(outside.match(/<details>/g)?.length ?? 0).toBe(outside.match(/<\/details>/g)?.length ?? 0);
      expect(outside.replaceAll(/<\/?(details|summary)>/g, "")).not.toMatch(/[<@|`\\[\]]/);
      expect(markdownOf(any)).toBe(markdown);
    }),
    { numRuns: 100 },
  );
});

test("Whatever the errors of a preview say: at most 60,000 characters, all of them in code.", () => {
  fc.assert(
    fc.property(hostile, fc.array(hostile, { maxLength: 100 }), (stack, errors) => {
      const markdown = failureMarkdown(stack, errors);

      expect(markdown.length).toBeLessThanOrEqual(longestComment);
      expect(outsideCode(markdown)).not.toMatch(/[<@|`\\]/);
    }),
  );
});
