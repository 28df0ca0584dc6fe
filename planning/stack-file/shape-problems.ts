import type { z } from "zod";
import { nearest } from "../../problems/nearest.ts";
import type { Problem } from "../../problems/problem.ts";
import { showPath } from "../../problems/show-path.ts";

type Issue = z.core.$ZodIssue;
type Keys = readonly PropertyKey[];
type Schema = z.core.JSONSchema.BaseSchema;

/**
 * zod's issues in plain words. PD001: a key that does not exist. PD002: one that is missing. PD003: a value that
 * cannot be. `root` is the JSON Schema of the whole input; the fixes quote its descriptions.
 */
export function shapeProblems(issues: readonly Issue[], input: unknown, root: Schema): Problem[] {
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey(issue.path, key, input, root))
      : [],
  );
  // A key that is there with a slip of the pen is not missing as well.
  const meant = new Set(unknown.map((one) => one.meant));
  const others = issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return [];
    const value = valueAt(input, issue.path);
    const wanted = describe(root, issue.path, input);
    if (value !== undefined && value !== null) return [wrongValue(issue, value, wanted)];
    return meant.has(showPath(issue.path)) ? [] : [missingKey(issue.path, value, wanted)];
  });
  return [...unknown.map((one) => one.problem), ...others];
}

function unknownKey(
  path: Keys,
  key: string,
  input: unknown,
  root: Schema,
): { problem: Problem; meant?: string } {
  const known = Object.keys(schemasAt(root, path, input).at(-1)?.properties ?? {});
  const present = Object.keys(Object(valueAt(input, path)));
  const absent = known.filter((name) => !present.includes(name));
  const guess = nearest(key, absent) ?? absent.find((name) => othersWords[name]?.test(key));
  const found = (fix: string) => problem("PD001", [...path, key], `unknown key "${key}"`, fix);
  if (guess === undefined) return { problem: found(`remove it; known here: ${known.join(", ")}`) };
  return { problem: found(`did you mean "${guess}"?`), meant: showPath([...path, guess]) };
}

/** What Docker and Compose call that. */
const othersWords: Readonly<Record<string, RegExp>> = {
  sharedMemory: /^(shm|shared)[_-]?(size|memory)/i,
  ipc: /^ipc[_-]?mode$/i,
};

function missingKey(path: Keys, value: undefined | null, wanted: string): Problem {
  const message = `"${String(path.at(-1) ?? wholeInput)}" ${value === null ? "has no value" : "is missing"}`;
  return problem("PD002", path, message, `add it: ${wanted}`);
}

function wrongValue(issue: Issue, value: unknown, wanted: string): Problem {
  const wrong = (message: string, fix = `expected: ${wanted}`) => problem("PD003", issue.path, message, fix);
  const shown = show(value);
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "number" && typeof value === "string" && /^\d+$/.test(value)) {
        return wrong(`expected a number, got ${shown}`, `write it without quotes: ${value}`);
      }
      if (issue.expected === "string" && typeof value !== "object") {
        return wrong(`expected text, got ${shown}`, `put it in quotes: "${value}"`);
      }
      return wrong(`expected ${plainWords[issue.expected] ?? issue.expected}, got ${shown}`);
    case "invalid_value":
      return wrong(`${shown} is not one of ${issue.values.join(", ")}`, didYouMean(value, issue.values));
    case "invalid_union":
      if (!("options" in issue) || issue.options === undefined) return wrong(`${shown} ${issue.message}`);
      return wrong(`${shown} is not one of ${issue.options.join(", ")}`, didYouMean(value, issue.options));
    case "too_small":
      return wrong(typeof value === "number" ? `${value} is below ${issue.minimum}` : "is empty");
    case "too_big":
      return wrong(`${shown} is above ${issue.maximum}`);
    case "invalid_key":
      return wrong(`"${String(issue.path.at(-1))}" ${issue.issues[0]?.message}`);
    default:
      return wrong(`${shown} ${issue.message}`);
  }
}

/** A fix only for a word: of a number or a code that is one letter off, the nearest is no likelier than another. */
function didYouMean(value: unknown, options: readonly unknown[]): string | undefined {
  const isWord = typeof value === "string" && !/\d/.test(value);
  const guess = isWord ? nearest(value, options.map(String)) : undefined;
  return guess === undefined ? undefined : `did you mean "${guess}"?`;
}

const wholeInput = "ascend-pd:deployment";

function problem(code: string, path: Keys, message: string, fix: string): Problem {
  return { code, severity: "error", path: showPath(path) || wholeInput, message, fix };
}

const plainWords: Record<string, string> = {
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a group of keys",
  record: "a group of keys",
};

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a group of keys" : String(value);
}

function valueAt(input: unknown, path: Keys): unknown {
  return path.reduce<unknown>((value, key) => Object(value)[key], input);
}

/** What the schema says of the value at `path`; of what holds it, where it says nothing of that itself. */
function describe(root: Schema, path: Keys, input: unknown): string {
  return (
    schemasAt(root, path, input).findLast(({ description }) => description !== undefined)?.description ?? ""
  );
}

/** The schemas from the root down to `path`; of alternatives, the one whose constants are those of `input`. */
function schemasAt(root: Schema, path: Keys, input: unknown): Schema[] {
  const found = [root];
  let value = input;
  for (const key of path) {
    const parent = found.at(-1);
    const child = parent?.properties?.[String(key)] ?? parent?.items ?? parent?.additionalProperties;
    if (typeof child !== "object" || Array.isArray(child)) break;
    value = Object(value)[key];
    found.push(child, ...(child.oneOf ?? []).filter((option) => isChosen(option, value)));
  }
  return found;
}

function isChosen({ properties = {} }: Schema, value: unknown): boolean {
  return Object.entries(properties).every(
    ([key, schema]) => Object(schema).const === undefined || Object(schema).const === Object(value)[key],
  );
}
