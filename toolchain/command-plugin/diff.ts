import { isDeepStrictEqual } from "node:util";
import { isPlainMap, type PropertyMap, sameAsset, type Value } from "./values.ts";

export interface Change {
  /** Where, e.g. `environment.MODE` or `triggers[0]`. */
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
}

/** What differs between two sets of inputs, leaf by leaf. A secret is one leaf, whatever it holds. */
export function diff(olds: PropertyMap, news: PropertyMap): Change[] {
  return changes("", olds, news);
}

/** The property that a path starts at. */
export function rootOf(path: string): string {
  return path.match(/^[\w$]+/)?.[0] ?? path;
}

function changes(path: string, old: Value | undefined, now: Value | undefined): Change[] {
  if (old === undefined) return now === undefined ? [] : [{ path, kind: "add" }];
  if (now === undefined) return [{ path, kind: "delete" }];
  if (Array.isArray(old) && Array.isArray(now)) {
    return Array.from({ length: Math.max(old.length, now.length) }).flatMap((_, index) =>
      changes(`${path}[${index}]`, old[index], now[index]),
    );
  }
  if (isPlainMap(old) && isPlainMap(now)) {
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key) =>
      changes(join(path, key), old[key], now[key]),
    );
  }
  return isDeepStrictEqual(old, now) || sameAsset(old, now) ? [] : [{ path, kind: "update" }];
}

function join(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}
