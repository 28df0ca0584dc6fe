import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, lstat, mkdir, mkdtemp, realpath, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { FixableError } from "../../problems/fixable-error.ts";
import { run } from "../../system/programs.ts";
import type { Context } from "../context.ts";
import { type Architecture, sha256Of } from "../node-digests.ts";
import { imageTree, launcherName, projectTrees, pulumiTrees, type Tree } from "./contents.ts";

export interface Bundle {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The machines that it is for, as `uname -sm` calls them: Node and Pulumi in it are theirs. */
  readonly platform: string;
  /** The architectures of hosts that it has a Node image for. */
  readonly images: readonly Architecture[];
  readonly files: number;
}

/** `share`, from 0 to 1, of the step that is under way. */
export type Progress = (step: string, share: number) => void;

/**
 * One archive of a project with all that it takes to run it, for install.sh beside this file. Written beside `file` and
 * renamed when it is whole.
 */
export async function pack(
  context: Context,
  project: string,
  architectures: readonly Architecture[],
  file: string,
  progress: Progress,
): Promise<Bundle> {
  const { trees, program } = await projectTrees(project, await placeOf(file));
  trees.push(...(await pulumiTrees(context)), await imageTree(context, architectures));
  const platform = (await run("uname", ["-sm"])).trim();
  const own = await mkdtemp(join(tmpdir(), "ascend-pd-bundle-"));
  const partial = `${resolve(file)}.partial`;
  try {
    await copyFile(join(import.meta.dirname, "install.sh"), join(own, "install.sh"));
    await writeFile(join(own, "platform"), platform);
    await writeFile(join(own, "program"), program === "" ? "" : `/${program}`);
    await mkdir(join(own, "project"));
    await writeFile(join(own, "project", launcherName), launcher(program), { mode: 0o755 });
    const first: Tree = { from: own, to: "", paths: ["install.sh", "platform", "program"] };
    const start: Tree = { from: own, to: "", paths: [`project/${launcherName}`] };
    const all = [first, start, ...trees];
    const { sums, bytes } = await checksums(all, progress);
    await writeFile(join(own, "SHA256SUMS"), sums);
    const summed: Tree = { from: own, to: "", paths: ["SHA256SUMS"] };
    const written = await write(partial, [first, summed, start, ...trees], join(own, "list"), (done) =>
      progress("packing", done / bytes),
    );
    await rename(partial, file);
    return { file, ...written, platform, images: architectures, files: sums.split("\n").length - 1 };
  } finally {
    await rm(own, { recursive: true, force: true });
    await rm(partial, { force: true });
  }
}

/** Where a file is or will be, by the real path of its folder. */
async function placeOf(file: string): Promise<string> {
  const folder = await realpath(dirname(resolve(file))).catch(() => {
    throw new FixableError(`there is no folder ${dirname(file)}`, "make it, or write the archive elsewhere");
  });
  return join(folder, basename(file));
}

/** Starts the command with the Node that came with it. */
function launcher(program: string): string {
  const command = join(program.replace(/(^|\/)lib$/, ""), "cli/ascend-pd.mjs");
  return `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
PATH=$here/node_modules/.bin:$PATH exec "$here/node_modules/node/bin/node" "$here/${command}" "$@"
`;
}

/** Lines as sha256sum checks them, one a file; a link has none, and leads to what has. */
async function checksums(
  trees: readonly Tree[],
  progress: Progress,
): Promise<{ sums: string; bytes: number }> {
  const files: { path: string; source: string; size: number }[] = [];
  for (const { from, to, paths } of trees) {
    for (const path of paths) {
      const stats = await lstat(join(from, path));
      if (stats.isFile()) files.push({ path: to + path, source: join(from, path), size: stats.size });
    }
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  let sums = "";
  for (const { path, source, size } of files) {
    if (/[\n\\]/.test(path))
      throw new FixableError(
        `no archive can have a file named ${JSON.stringify(path)}`,
        "give it another name",
      );
    sums += `${await sha256Of(source)}  ${path}\n`;
    done += size;
    progress("checksums", done / bytes);
  }
  return { sums, bytes };
}

/** Has tar(1) write the trees in this order, the small files that a reader wants first before all others. */
export async function write(
  file: string,
  trees: readonly Tree[],
  list: string,
  progress: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string }> {
  await writeFile(
    list,
    trees.flatMap(({ from, paths }) => paths.map((path) => `${join(from, path)}\0`)).join(""),
  );
  // The longest first, for one may lie in another. What a link holds is left as it is.
  const places = [...trees].sort((a, b) => b.from.length - a.from.length);
  const renamed = places.map(({ from, to }) => `--transform=s,^${escaped(from)}/,${to},S`);
  // What only its owner can read, such as a key, stays so.
  const owners = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u+rwX,go-w"];
  const files = ["-c", "-P", "--null", "--no-recursion", `--files-from=${list}`];
  const tar = spawn("tar", [...files, ...owners, ...renamed], { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  tar.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const ended = new Promise<number | null>((done) => tar.on("error", () => done(127)).on("close", done));
  let read = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      read += chunk.length;
      progress(read);
      done(null, chunk);
    },
  });
  const hash = createHash("sha256");
  let bytes = 0;
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(tar.stdout, counted, createGzip({ level: 3 }), hashed, createWriteStream(file));
  const code = await ended;
  if (code !== 0)
    throw new FixableError(
      `tar ended with ${code}: ${complaint.trim()}`,
      "mend what tar says; it must be GNU tar",
    );
  return { bytes, sha256: hash.digest("hex") };
}

const escaped = (path: string): string => path.replaceAll(/[\\.*^$[\],&]/g, "\\$&");
