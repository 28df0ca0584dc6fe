import { isMap, type PropertyMap, reveal, unknown, type Value } from "./values.ts";

/** What a property must be. `problems` lists, by path, how a value (secrets laid open) falls short. */
export interface Shape {
  readonly optional?: boolean;
  problems(value: Value, path: string): Problem[];
}

export interface Problem {
  readonly property: string;
  readonly reason: string;
}

/** A shape told by one question; `expected` follows "must be". */
export function kind(expected: string, accepts: (value: Value) => boolean): Shape {
  return {
    problems: (value, property) =>
      // The value is not named: it may be a password.
      accepts(value) ? [] : [{ property, reason: `must be ${expected}` }],
  };
}

export const string = kind("a string", (value) => typeof value === "string");
export const number = kind("a number", (value) => typeof value === "number");
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

/** For what the published plugin can do and this one cannot. */
export const uncovered: Shape = {
  optional: true,
  problems: (_, property) => [
    {
      property,
      reason: "not covered by the stand-in for pulumi-resource-command: install the published plugin",
    },
  ],
};

export function optional(shape: Shape): Shape {
  return { ...shape, optional: true };
}

export function map(properties: Readonly<Record<string, Shape>>): Shape {
  return {
    problems(value, path) {
      if (!isMap(value)) return [{ property: path, reason: "must be a map" }];
      return Object.entries(properties).flatMap(([name, shape]) => {
        const property = path === "" ? name : `${path}.${name}`;
        const found = value[name];
        if (found === unknown) return [];
        if (found !== undefined) return shape.problems(found, property);
        return shape.optional ? [] : [{ property, reason: "is required" }];
      });
    },
  };
}

/** How the inputs fall short of the shape; what is not yet known passes. */
export function problemsOf(inputs: PropertyMap, shape: Shape): Problem[] {
  return shape.problems(reveal(inputs), "");
}

function isString(value: Value): boolean {
  return typeof value === "string";
}
