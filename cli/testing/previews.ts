import { readFileSync } from "node:fs";
import { type FailedPreview, readPreview } from "../diff/read-preview.ts";
import type { Difference } from "../differences/change.ts";

/** What the real engine said about a change of a real deployment; test/capture-previews.ts writes these. */
export function fixture(name: string): { [key: string]: unknown; steps: Record<string, unknown>[] } {
  return JSON.parse(readFileSync(`cli/testing/previews/${name}.json`, "utf8"));
}

/** The difference in a preview that did not fail. */
export function differenceOf(document: unknown): Difference {
  const result: Difference | FailedPreview = readPreview(document, "preview.json");
  if ("errors" in result) throw new Error(result.errors.join());
  return result;
}
