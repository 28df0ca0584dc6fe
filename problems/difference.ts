import { showPath } from "./show-path.ts";

export interface Difference {
  readonly path: string;
  readonly found: unknown;
  readonly wanted: unknown;
}

/** The first place where two JSON values differ, in the order of `found`; the order of keys is no difference. */
export function firstDifference(
  found: unknown,
  wanted: unknown,
  keys: readonly PropertyKey[] = [],
): Difference | undefined {
  if (Object.is(found, wanted)) return undefined;
  const areBothOf = (test: (value: unknown) => boolean) => test(found) && test(wanted);
  if (!areBothOf(Array.isArray) && !areBothOf(isObject)) return { path: showPath(keys), found, wanted };
  for (const key of new Set([...Object.keys(Object(found)), ...Object.keys(Object(wanted))])) {
    const inner = [...keys, Array.isArray(found) ? Number(key) : key];
    const difference = firstDifference(valueAt(found, key), valueAt(wanted, key), inner);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const valueAt = (value: unknown, key: string): unknown =>
  Object.hasOwn(Object(value), key) ? Object(value)[key] : undefined;
