/** Every item whose key an earlier item has, with the first that has it. */
export function repeated<T>(
  items: readonly T[],
  key: (item: T) => unknown,
): (readonly [item: T, first: T])[] {
  const firsts = new Map<unknown, T>();
  return items.flatMap((item) => {
    const first = firsts.get(key(item));
    if (first !== undefined) return [[item, first] as const];
    firsts.set(key(item), item);
    return [];
  });
}
