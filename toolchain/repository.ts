import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The folder that holds the rooms and package.json: a clone, or in the npm package `lib/`, which is built from one. */
export const repositoryDir = dirname(import.meta.dirname);

/** Whether this runs from the sources of a clone, and not from what the npm package has of them. */
export const isClone = import.meta.filename.endsWith(".ts");

/** Where npm has put the programs of our dependencies, `node` among them; in the npm package, what depends on it decides. */
export function programsDir(): string {
  if (isClone) return join(repositoryDir, "node_modules", ".bin");
  return join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "..", ".bin");
}

/** Tells clones of the repository apart that share a cache. */
export const repositoryKey = createHash("sha256").update(repositoryDir).digest("hex").slice(0, 8);

/** The version of a dependency that package.json pins. */
export async function pinnedVersion(dependency: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(repositoryDir, "package.json"), "utf8"));
  return manifest.dependencies[dependency];
}
