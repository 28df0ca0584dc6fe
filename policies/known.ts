import { UnknownValueError } from "@pulumi/policy";

/** `T` where any part may be missing. */
export type Known<T> = T extends readonly (infer Item)[]
  ? Known<Item>[]
  : T extends object
    ? { [Key in keyof T]?: Known<T[Key]> | undefined }
    : T;

/**
 * A copy of a resource's inputs without what is null or not known before `up`. A policy that reads an unknown value is stopped
 * and its other findings are lost; so it reads this copy, and `up` shows it every input before the resource is made.
 */
export function known<T>(value: T): Known<T> {
  if (Array.isArray(value)) return Object.values(knownEntries(value)) as Known<T>;
  if (value !== null && typeof value === "object") return knownEntries(value) as Known<T>;
  return value as Known<T>;
}

function knownEntries(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(value).flatMap((key) => {
      try {
        const item: unknown = Reflect.get(value, key);
        return item === null ? [] : [[key, known(item)]];
      } catch (error) {
        if (error instanceof UnknownValueError) return [];
        throw error;
      }
    }),
  );
}
