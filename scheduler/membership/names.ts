import type { Instance } from "../instances/instances.ts";

/** What the name of a rank has behind that of its instance. */
export const rankPart = ({ rank }: { readonly rank?: number | undefined }): string =>
  rank === undefined ? "" : `-rank-${rank}`;

/** The name of the instance that it is, or a rank of. */
export const serverOf = (instance: Pick<Instance, "name" | "rank">, name = instance.name): string =>
  name.slice(0, name.length - rankPart(instance).length);

/** Of one instance, or of that whose ranks they are. */
export function nameOf([first, ...others]: readonly [Instance, ...Instance[]]): string {
  return others.length === 0 ? first.name : serverOf(first);
}

/** `decode-2` behind `decode-1`, `long-2` behind `long`. */
export function nextName(name: string): string {
  const [, stem = name, number = "1"] = /^(.+)-(\d{1,9})$/.exec(name) ?? [];
  return `${stem}-${Number(number) + 1}`;
}
