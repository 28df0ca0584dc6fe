/** Whether `path` is absolute and holds no `.` or `..`, so that its letters say where it leads. */
export function isPlain(path: string): boolean {
  return path.startsWith("/") && path.split("/").every((name) => name !== "." && name !== "..");
}

/** Whether the absolute path `inner` is `outer` or lies below it. Both are plain. */
export function contains(outer: string, inner: string): boolean {
  return normal(inner).startsWith(normal(outer));
}

/** Whether one of two plain paths contains the other. */
export const overlap = (a: string, b: string): boolean => contains(a, b) || contains(b, a);

/** `//data/models` as `/data/models/`: one way to write a path, of which a prefix is a whole folder. */
export const normal = (path: string): string => `${path}/`.replace(/\/+/g, "/");
