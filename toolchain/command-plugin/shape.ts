import { isMap, type PropertyMap, reveal, unknown, type Value } from "./values.ts";

/** Says how a value (secrets laid open) falls short; undefined: it does not. */
export type Shape = (value: Value) => string | undefined;

export interface Problem {
  readonly property: string;
  readonly reason: string;
}

function kind(expected: string, accepts: (value: Value) => boolean): Shape {
  // The value is not named: it may be a password.
  return (value) => (accepts(value) ? undefined : `must be ${expected}`);
}

const isString = (value: Value) => typeof value === "string";

export const string = kind("a string", isString);
export const boolean = kind("true or false", (value) => typeof value === "boolean");
export const list = kind("a list", Array.isArray);
export const strings = kind("a list of strings", (value) => Array.isArray(value) && value.every(isString));
export const stringMap = kind(
  "a map of strings",
  (value) => isMap(value) && Object.values(value).every(isString),
);

export function oneOf(...choices: readonly string[]): Shape {
  return kind(`one of ${choices.join(", ")}`, (value) => choices.some((choice) => choice === value));
}

/** Ends a sentence on what the published plugin can do and this one cannot. */
export const notCovered =
  "not covered by the stand-in for pulumi-resource-command: install the published plugin " +
  "(npx ascend-pd pulumi plugin install resource command 1.2.1 --reinstall)";

export const uncovered: Shape = () => notCovered;

/** How the inputs fall short of the shapes. What is absent, or not yet known, passes. */
export function problemsOf(inputs: PropertyMap, shapes: Readonly<Record<string, Shape>>): Problem[] {
  const revealed = reveal(inputs);
  return Object.entries(shapes).flatMap(([property, shape]) => {
    const value = revealed[property];
    const reason = value === undefined || value === unknown ? undefined : shape(value);
    return reason === undefined ? [] : [{ property, reason }];
  });
}
