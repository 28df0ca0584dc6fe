import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Difference } from "../differences/change.ts";
import { fixture } from "../testing/previews.ts";
import { UserError } from "../user-error.ts";
import { failureMarkdown, markdownOf } from "./markdown.ts";
import { comparePlans, readPlan } from "./read-plans.ts";
import { readPreview } from "./read-preview.ts";

/** The document with the value at some place replaced by another, or left out. */
function spoiled(document: unknown, path: readonly number[], value: unknown): unknown {
  const [first, ...rest] = path;
  if (typeof document !== "object" || document === null || first === undefined) return value;
  const entries = Object.entries(document);
  const [key] = entries[first % Math.max(1, entries.length)] ?? [];
  if (key === undefined) return value;
  const copy = (Array.isArray(document) ? [...document] : { ...document }) as Record<string, unknown>;
  copy[key] = spoiled(copy[key], rest, value);
  return copy;
}

const place = fc.array(fc.nat(), { minLength: 1, maxLength: 7 });
const anything = fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.string({ unit: "binary" }));

/** Either it says what is wrong, or it makes a comment. */
function saysOrShows(result: () => string): void {
  try {
    expect(result()).toMatch(/^### /);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
  }
}

test("Whatever stands in a preview, it is shown or refused with a reason.", () => {
  const previews = ["changed-port", "added-instance", "moved-npus", "drift-stopped", "refused"].map(fixture);

  fc.assert(
    fc.property(fc.constantFrom(...previews), place, anything, (preview, path, value) => {
      saysOrShows(() => {
        const result = readPreview(spoiled(preview, path, value), "preview.json");
        return "errors" in result ? failureMarkdown(result.stack, result.errors) : markdownOf(result);
      });
    }),
    { numRuns: 1000 },
  );
});

test("Whatever stands in a Plan, it is shown or refused with a reason.", () => {
  const plan = JSON.parse(readFileSync("test/golden/2p2d.plan.json", "utf8"));
  const compare = (one: unknown, other: unknown): Difference =>
    comparePlans(readPlan(one, "old.json"), readPlan(other, "new.json"));

  fc.assert(
    fc.property(place, anything, (path, value) => {
      saysOrShows(() => markdownOf(compare(plan, spoiled(plan, path, value))));
      saysOrShows(() => markdownOf(compare(spoiled(plan, path, value), plan)));
    }),
    { numRuns: 500 },
  );
});
