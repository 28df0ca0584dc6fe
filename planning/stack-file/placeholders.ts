import type { Problem } from "../../problems/problem.ts";
import { showPath } from "../../problems/show-path.ts";

/** PD010: a text that still looks like the blank of the manual or of an example. */
export function placeholderProblems(input: unknown, keys: readonly PropertyKey[] = []): Problem[] {
  if (typeof input === "string") {
    const blanks = keys.some((key) => freeText.has(key)) ? everywhere : [...everywhere, angles];
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

/** Of `xx`, only whole addresses, values and names in a path: a public key may hold those letters by chance. */
const everywhere = [
  /\$\{[^}]*\}?/,
  /\*\*/,
  /\bx+(\.x+)+\b/i,
  /^x{2,}$/i,
  /(?<=^\/(.*[/_.-])?)x{2,}(?=$|[/_.-])/i,
  /…/,
];

const angles = /<[^>]*>/;

/** Where angle brackets are data: a stop token like `<|im_end|>` is no placeholder. */
const freeText = new Set<PropertyKey>(["extraArgs", "extraEnv", "reason"]);
