import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The folder that holds package.json. */
export const repositoryDir = dirname(import.meta.dirname);

/** Tells clones of the repository apart that share a cache. */
export const repositoryKey = createHash("sha256").update(repositoryDir).digest("hex").slice(0, 8);

/** The version of a dependency that package.json pins. */
export async function pinnedVersion(dependency: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(repositoryDir, "package.json"), "utf8"));
  return manifest.dependencies[dependency];
}
