import { UnknownValueError } from "@pulumi/policy";

/** `T` where any part may be missing. */
export type Known<T> = T extends readonly (infer Item)[]
  ? Known<Item>[]
  : T extends object
    ? { [Key in keyof T]?: Known<T[Key]> | undefined }
    : T;

/**
 * A copy of a resource's inputs without what is null or not known before `up`. A policy that reads an unknown value is
 * stopped and its other findings are lost; so it reads this copy, and `unknown` keeps why something is missing in it.
 */
export function known<T>(value: T, unknown: UnknownValueError[] = []): Known<T> {
  if (value === null || typeof value !== "object") return value as Known<T>;
  const entries = Object.keys(value)
    .map((key) => [key, knownAt(value, key, unknown)] as const)
    .filter(([, item]) => item !== undefined);
  return (Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries)) as Known<T>;
}

/** The same of each input when it is read, so that `unknown` has nothing that a policy does not look at. */
export const knownWhenRead = (props: object, unknown: UnknownValueError[]): Known<Record<string, unknown>> =>
  new Proxy({}, { get: (_, key) => knownAt(props, key, unknown) });

function knownAt(value: object, key: PropertyKey, unknown: UnknownValueError[]): unknown {
  try {
    return known(Reflect.get(value, key) ?? undefined, unknown);
  } catch (error) {
    if (!(error instanceof UnknownValueError)) throw error;
    unknown.push(error);
    return undefined;
  }
}
