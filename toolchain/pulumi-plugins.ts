import { existsSync } from "node:fs";
import { lstat, mkdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onPath, tryRun } from "../system/programs.ts";
import type { Choice, Context } from "./context.ts";
import { goBuild, isBuilt } from "./go-build.ts";
import { type Cli, foreignPath, pulumiBuild } from "./pulumi-cli.ts";
import { downloadsReachable, unreachable } from "./pulumi-download.ts";
import { pinnedVersion, repositoryDir, repositoryKey } from "./repository.ts";

/** A resource plugin, and what takes its place where the published one cannot be had. */
export interface Plugin {
  readonly name: string;
  readonly version: string;
  /** The executable that answers in its place, and how it came to be. */
  readonly standIn: (context: Context) => Promise<{ executable: string; how: string }>;
}

export interface InstalledPlugin {
  readonly choice: Choice;
  /** A folder that must be on PATH for the engine to find the plugin. */
  readonly path?: string;
}

/** The plugins of the @pulumi packages in package.json. */
export async function plugins(): Promise<Plugin[]> {
  return [
    {
      name: "docker",
      version: await pinnedVersion("@pulumi/docker"),
      standIn: async (context) => ({
        executable: join(await builtDockerPlugin(context), "pulumi-resource-docker"),
        how: "built from Go modules",
      }),
    },
    {
      name: "command",
      version: await pinnedVersion("@pulumi/command"),
      standIn: async () => ({
        executable: join(repositoryDir, "toolchain", "command-plugin", "pulumi-resource-command"),
        how: "the stand-in of this repository",
      }),
    },
  ];
}

/** Its folder: that of our own CLI, if that was built. */
async function builtDockerPlugin(context: Context): Promise<string> {
  const all = await pulumiBuild("all");
  return goBuild(context, (await isBuilt(context, all)) ? all : await pulumiBuild("docker plugin"));
}

/**
 * Makes the engine of `cli` find the plugin. A stand-in is linked into the plugin folder of our own CLI; the home of
 * the user's Pulumi is left alone, and the link goes to a folder for PATH.
 */
export async function ensurePlugin(
  context: Context,
  cli: Cli,
  plugin: Plugin,
  env: NodeJS.ProcessEnv,
): Promise<InstalledPlugin> {
  const { name, version } = plugin;
  const file = `pulumi-resource-${name}`;
  const installed = join(cli.home, "plugins", `resource-${name}-v${version}`, file);
  const link = cli.ours ? installed : join(context.cacheDir, "pulumi-path", repositoryKey, file);
  const found = (chosen: string, why: string): InstalledPlugin => ({
    choice: { part: `Pulumi plugin ${name}`, chosen: `${version}${chosen}`, why },
  });
  const isLinked = await isLink(link);

  if (!(cli.ours && isLinked)) {
    if (existsSync(installed) && !existsSync(`${dirname(installed)}.partial`)) {
      return found(`: ${installed}`, "it is installed");
    }
    const onUsersPath = cli.ours ? undefined : await onPath(file, { PATH: foreignPath(context, env) });
    if (onUsersPath !== undefined) return found(`: ${onUsersPath}`, "it is on PATH");
  }
  let failure = unreachable;
  if (!isLinked && (await downloadsReachable())) {
    context.say(`downloading the Pulumi plugin ${name} ${version}`);
    const args = ["plugin", "install", "resource", name, version];
    const { code, stderr } = await tryRun(join(cli.folder, "pulumi"), args, {
      env: { ...env, PULUMI_HOME: cli.home, PULUMI_SKIP_UPDATE_CHECK: "1" },
    });
    if (code === 0) return found(`, downloaded: ${installed}`, "it was not installed");
    failure = `its download failed: ${stderr.trim().split("\n").at(-1)}`;
  }
  const { executable, how } = await plugin.standIn(context);
  await pointLink(link, executable);
  const standIn = found(`, ${how}: ${executable}`, `it is not installed, and ${failure}`);
  return cli.ours ? standIn : { ...standIn, path: dirname(link) };
}

/** Points `link` at `target` in one step, for others may be reading it. */
async function pointLink(link: string, target: string): Promise<void> {
  if ((await readlink(link).catch(() => undefined)) === target) return;
  await mkdir(dirname(link), { recursive: true });
  const fresh = `${link}.${process.pid}`;
  await rm(fresh, { force: true });
  await symlink(target, fresh);
  await rename(fresh, link);
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}
