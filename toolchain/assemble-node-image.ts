import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FixableError } from "../problems/fixable-error.ts";
import { onPath, run } from "../system/programs.ts";
import type { Context } from "./context.ts";
import { layOut, unpackPackages } from "./debian-root.ts";
import { type Architecture, checkNode, sha256Of } from "./node-digests.ts";

export interface NodeImageRecipe {
  readonly version: string;
  readonly architecture: Architecture;
  /** The sha256 of that version's program; nothing else tells what a registry hands out. */
  readonly sha256: string;
  /** `name:tag` that it gets when it is loaded. */
  readonly image: string;
}

/**
 * Makes `<folder>/image.tar`, which `docker load` takes: Node from its npm package and the C and C++ libraries it
 * needs from Debian packages, of any architecture on any. The same packages always give the same bytes, and so the
 * same image id. Needs npm, apt-get and GNU tar; leaves the machine's own package state alone.
 */
export async function assembleNodeImage(
  context: Context,
  { version, architecture, sha256, image }: NodeImageRecipe,
  folder: string,
): Promise<void> {
  await requirePrograms("npm", "apt-get", "dpkg-deb", "tar");
  context.say(`assembling ${image} from npm and Debian packages`);
  const work = join(folder, "work");
  const root = join(work, "root");
  await layOut(root);
  await addNode(root, join(work, "npm"), { version, architecture, sha256 });
  await unpackPackages(root, join(work, "apt"), architecture, ["libc6", "libstdc++6", "libgcc-s1"]);

  const archive = join(work, "archive");
  await mkdir(archive);
  const layer = join(archive, "layer.tar");
  await tar(["-c", "--exclude=./tmp", "-f", layer, "-C", root, "."]);
  await tar(["-r", "--mode=1777", "-f", layer, "-C", root, "./tmp"]);
  const config = JSON.stringify(imageConfig(architecture, await sha256Of(layer)));
  await writeFile(join(archive, "config.json"), config);
  const manifest = [{ Config: "config.json", RepoTags: [image], Layers: ["layer.tar"] }];
  await writeFile(join(archive, "manifest.json"), JSON.stringify(manifest));
  await tar(["-c", "-f", join(folder, "image.tar"), "-C", archive, "."]);
  await rm(work, { recursive: true });
}

async function addNode(
  root: string,
  work: string,
  { version, architecture, sha256 }: Omit<NodeImageRecipe, "image">,
): Promise<void> {
  const name = `node-linux-${architecture === "amd64" ? "x64" : "arm64"}`;
  const fix = "npm needs its registry or a mirror of it: see npm config get registry";
  await mkdir(work);
  await run("npm", ["pack", "--silent", `${name}@${version}`], { cwd: work, fix });
  await run("tar", ["-x", "-f", `${name}-${version}.tgz`], { cwd: work });
  const program = join(work, "package/bin/node");
  await checkNode(program, `${name}@${version}`, sha256);
  const licences = join(root, "usr/share/doc/node");
  await mkdir(licences, { recursive: true });
  await copyFile(join(work, "package/LICENSE"), join(licences, "copyright"));
  await copyFile(program, join(root, "usr/local/bin/node"));
}

function imageConfig(architecture: Architecture, layerDigest: string) {
  const created = new Date(0).toISOString();
  return {
    created,
    architecture,
    os: "linux",
    config: { Env: ["PATH=/usr/local/bin:/usr/bin"], Cmd: ["node"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created, created_by: "assembled from npm and Debian packages" }],
  };
}

/** With names, owners, modes and times that do not depend on when, where and by whom. */
async function tar(args: readonly string[]): Promise<void> {
  const names = ["--sort=name", "--format=gnu", "--owner=0", "--group=0", "--numeric-owner"];
  await run("tar", [...names, "--mtime=@0", "--mode=u=rwX,go=rX", ...args]);
}

async function requirePrograms(...names: string[]): Promise<void> {
  for (const name of names) {
    if ((await onPath(name)) !== undefined) continue;
    throw new FixableError(
      `No registry is within reach of the Docker Engine, and without ${name} its Node image cannot be assembled`,
      "give the engine access to a registry or a mirror, or work on Debian or Ubuntu with npm",
    );
  }
}
