/** `["decode", 0, "devices", 1]` as people write it: `decode[0].devices[1]`. */
export function showPath(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    return path === "" ? String(key) : `${path}.${String(key)}`;
  }, "");
}
