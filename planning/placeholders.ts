import type { Problem } from "./plan.ts";
import { showPath } from "./show-path.ts";

/**
 * PD010: a text that still looks like the manual's or an example's blank.
 *
 * Why: `${served-model-name}` pasted into a shell is a valid expansion and silently becomes `model-name`; an address
 * like `10.**.**.18` fails only when instances first exchange KV caches.
 */
export function placeholderProblems(input: unknown, keys: readonly PropertyKey[] = []): Problem[] {
  if (typeof input === "string") {
    const found = blanks.map((blank) => blank.exec(input)?.[0]).find((match) => match !== undefined);
    if (found === undefined) return [];
    return [
      {
        code: "PD010",
        severity: "error",
        path: showPath(keys),
        message: `"${input}" still holds the placeholder ${found}`,
        fix: "put in the real value",
      },
    ];
  }
  if (typeof input !== "object" || input === null) return [];
  const isList = Array.isArray(input);
  return Object.entries(input).flatMap(([key, value]) =>
    placeholderProblems(value, [...keys, isList ? Number(key) : key]),
  );
}

const blanks = [/\$\{[^}]*\}?/, /<[^>]*>/, /\*\*/, /\bx+(\.x+)+\b/i, /…/];
