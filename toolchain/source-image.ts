import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "./bundle.ts";
import { isClone, repositoryDir } from "./repository.ts";

/** An image that is made from a folder of this repository: one bundled file on a Node base image. */
export interface SourceImage {
  /** Its tag is the content's hash: the same name is the same image, and another content has another name. */
  readonly name: string;
  readonly dockerfile: string;
  readonly script: Uint8Array;
}

/** Beside a Dockerfile of the npm package: the script, bundled when the package was made, so that it is the clone's. */
export const bundledScript = "image.js";

export function sourceImage(
  folder: string,
  stack: string,
  nodeImage: string,
  root = isClone ? process.cwd() : repositoryDir,
): SourceImage {
  const dockerfile = readFileSync(join(root, folder, "Dockerfile"), "utf8");
  const bundled = join(root, folder, bundledScript);
  const script = existsSync(bundled) ? readFileSync(bundled) : bundle(folder, root);
  const hash = createHash("sha256").update(`${nodeImage}\n${dockerfile}\n`).update(script).digest("hex");
  return { name: `ascend-pd/${folder}:${stack}-${hash.slice(0, 12)}`, dockerfile, script };
}
