import { existsSync } from "node:fs";
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { defaultHost } from "../../docker/api.ts";
import { FixableError } from "../../problems/fixable-error.ts";
import type { Context } from "../context.ts";
import { findDockerEngine } from "../docker-engine.ts";
import type { Architecture } from "../node-digests.ts";
import { nodeImageArchive } from "../node-image.ts";
import { obtainCli } from "../pulumi-cli.ts";
import { ensurePlugin, plugins } from "../pulumi-plugins.ts";
import { isClone, repositoryDir } from "../repository.ts";

/** What of this machine goes into an archive: below which folder here, to be found below which there. */
export interface Tree {
  readonly from: string;
  /** With a slash at its end. */
  readonly to: string;
  /** Paths below `from`, of files and links. */
  readonly paths: readonly string[];
}

/**
 * The project with its npm packages, Node among them, and the folder in it that ascend-pd runs from, `""` in a clone. What
 * is at `archive` stays out.
 */
export async function projectTrees(
  folder: string,
  archive: string,
): Promise<{ trees: Tree[]; program: string }> {
  const root = await realpath(folder);
  if (!existsSync(join(root, "Pulumi.yaml"))) {
    throw new FixableError(
      `${root} is no project: it has no Pulumi.yaml`,
      "run this in the folder of your project",
    );
  }
  const program = relative(root, repositoryDir);
  if (program.startsWith("..")) {
    throw new FixableError(
      `the ascend-pd that runs is not the project's own: it is in ${repositoryDir}`,
      "npm install ascend-pd in the project, and run npx ascend-pd there",
    );
  }
  const modules = await realpath(join(root, "node_modules"));
  if (!existsSync(join(modules, "node/bin/node"))) {
    throw new FixableError(
      "the npm package node has not put its program in place, because install scripts are switched off",
      "npm rebuild node --ignore-scripts=false",
    );
  }
  const left = new Set([...(await developersPackages(modules)), ".cache", ".vite", ".vite-temp"]);
  const trees = [
    { from: root, to: "project/", paths: await ownFiles(root, relative(root, archive)) },
    { from: modules, to: "project/node_modules/", paths: await filesOf(modules, (path) => !left.has(path)) },
  ];
  return { trees, program };
}

/** Paths of what makes a project up, without an archive at `archive` that an earlier run has made of it. */
export function ownFiles(root: string, archive: string): Promise<string[]> {
  // dist/ and a clone's lib/ are made anew, and so is what starts an installed project.
  const left = ["node_modules", "dist", ...(isClone ? ["lib"] : []), launcherName, archive];
  // Hidden files are histories, settings and secrets of this machine.
  return filesOf(root, (path) => !basename(path).startsWith(".") && !left.includes(path));
}

/** What starts the command in an installed project. */
export const launcherName = "ascend-pd";

/** The Pulumi of our own, with its plugins, whatever Pulumi the machine has besides. */
export async function pulumiTrees(context: Context): Promise<Tree[]> {
  const cli = await obtainCli(context, "an archive takes one of ours");
  const parts = new Set([partOf(context, cli.folder)]);
  const installed = join(cli.home, "plugins");
  for (const plugin of await plugins()) await ensurePlugin(context, cli, plugin, process.env);
  const downloaded: string[] = [];
  for (const path of await filesOf(installed)) {
    // A link leads to a stand-in: in the program itself, or built in the cache.
    const target = await readlink(join(installed, path)).catch(() => undefined);
    if (target === undefined) downloaded.push(path);
    else if (target.startsWith(`${context.cacheDir}/`)) parts.add(partOf(context, target));
  }
  return [{ from: installed, to: "plugins/", paths: downloaded }, await cacheTree(context, parts)];
}

/** The Node image for each kind of host. */
export async function imageTree(context: Context, architectures: readonly Architecture[]): Promise<Tree> {
  const engine = await findDockerEngine().catch(() => undefined);
  const host = engine && (engine.env.DOCKER_HOST || process.env.DOCKER_HOST || defaultHost);
  const parts: string[] = [];
  for (const architecture of architectures) {
    parts.push(partOf(context, await nodeImageArchive(context, host, architecture)));
  }
  return cacheTree(context, parts);
}

async function cacheTree({ cacheDir }: Context, parts: Iterable<string>): Promise<Tree> {
  const paths: string[] = [];
  for (const part of new Set(parts))
    paths.push(...(await filesOf(join(cacheDir, part))).map((path) => join(part, path)));
  return { from: cacheDir, to: "cache/", paths };
}

/** Of a path in the cache, the part that is there as a whole or not at all. */
const partOf = ({ cacheDir }: Context, path: string): string =>
  relative(cacheDir, path).split("/").slice(0, 2).join("/");

/** Paths of what only those need who work on the project, by npm's record of what it has installed. */
async function developersPackages(modules: string): Promise<string[]> {
  const record = await readFile(join(modules, ".package-lock.json"), "utf8");
  const { packages }: { packages: Record<string, { dev?: boolean }> } = JSON.parse(record);
  return Object.entries(packages).flatMap(([path, { dev }]) =>
    dev ? [path.replace(/^node_modules\//, "")] : [],
  );
}

/** Files and links below a folder, in order; `isWanted` is asked of folders too. */
async function filesOf(root: string, isWanted: (path: string) => boolean = () => true): Promise<string[]> {
  const found: string[] = [];
  const open = [""];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (!isWanted(path)) continue;
      if (entry.isDirectory()) open.push(path);
      else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
    }
  }
  return found.sort();
}
