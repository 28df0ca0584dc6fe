import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { onPath, tryRun } from "../system/programs.ts";
import { cached } from "./cache.ts";
import type { Choice, Context } from "./context.ts";
import { type GoBuild, goBuild, isBuilt } from "./go-build.ts";
import { downloadsReachable, installPublishedCli, unreachable } from "./pulumi-download.ts";
import { pinnedVersion, repositoryKey } from "./repository.ts";

export interface Cli {
  readonly choice: Choice;
  /** The folder of `pulumi` and its language hosts. */
  readonly folder: string;
  /** PULUMI_HOME: where the CLI looks for plugins. */
  readonly home: string;
  /** False for a Pulumi that the user has installed: its home is not ours to change. */
  readonly ours: boolean;
}

/** The oldest Pulumi that this project is tested with, and the one that is built. */
const testedVersion = "3.259.0";

/**
 * The Docker plugin alone, or with the CLI and its Node.js language host: one build, so that what several of them need
 * is compiled once.
 */
export async function pulumiBuild(parts: "all" | "docker plugin"): Promise<GoBuild> {
  const all = parts === "all";
  return {
    what: all ? "Pulumi and its Docker plugin" : "the Docker plugin",
    module: join(import.meta.dirname, "go"),
    packages: [
      ...(all ? ["github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "./pulumi-language-nodejs"] : []),
      "./pulumi-resource-docker",
    ],
    cpuMinutes: all ? 6 : 3,
    // The provider's own way to do without Docker Compose.
    tags: ["no_compose"],
    variables: [
      `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${testedVersion}`,
      `main.pluginVersion=${await pinnedVersion("@pulumi/docker")}`,
    ],
  };
}

/** Where the user's own Pulumi keeps its plugins and the login. */
export function userHome(env: NodeJS.ProcessEnv): string {
  return env.PULUMI_HOME || join(homedir(), ".pulumi");
}

/** The CLI that the user has, if it is new enough; `why` says so if it is not. */
export async function installedCli(context: Context, env: NodeJS.ProcessEnv): Promise<Cli | { why: string }> {
  const command = await onPath("pulumi", { PATH: foreignPath(context, env) });
  if (command === undefined) return { why: "no pulumi is on PATH" };
  const { stdout } = await tryRun(command, ["version"], { env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "1" } });
  const version = stdout.trim().replace(/^v/, "");
  if (isOlder(version, testedVersion)) {
    return { why: `${command} is version ${version || "unknown"}, older than ${testedVersion}` };
  }
  const choice = { part: "Pulumi CLI", chosen: `${version}: ${command}`, why: "it is on PATH" };
  return { choice, folder: dirname(command), home: userHome(env), ours: false };
}

/** A CLI of our own below the cache: the published one, or where that cannot be downloaded one that is built. */
export async function obtainCli(context: Context, whyNotInstalled: string): Promise<Cli> {
  const home = join(context.cacheDir, "pulumi-home", repositoryKey);
  const cli = (folder: string, chosen: string, why: string): Cli => ({
    choice: { part: "Pulumi CLI", chosen: `${chosen}: ${folder}`, why },
    folder,
    home,
    ours: true,
  });
  const published = await pinnedVersion("@pulumi/pulumi");
  const download = `pulumi/published-${published}`;
  const isDownloaded = existsSync(join(context.cacheDir, download));
  const build = await pulumiBuild("all");
  let failure = unreachable;
  if (isDownloaded || (!(await isBuilt(context, build)) && (await downloadsReachable()))) {
    try {
      if (!isDownloaded) context.say(`downloading Pulumi ${published}`);
      const folder = await cached(context, download, installPublishedCli);
      return cli(join(folder, "bin"), `${published}, downloaded`, whyNotInstalled);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
  }
  const folder = await goBuild(context, build);
  return cli(folder, `${testedVersion}, built from Go modules`, `${whyNotInstalled}, and ${failure}`);
}

/** PATH without what we have put there ourselves: an inner run must come to the conclusion of the outer one. */
export function foreignPath(context: Context, env: NodeJS.ProcessEnv): string {
  const folders = (env.PATH ?? "").split(":");
  return folders.filter((folder) => !folder.startsWith(`${context.cacheDir}/`)).join(":");
}

/** Whether `version` is before `limit`, by its first three numbers; what is no version is. */
export function isOlder(version: string, limit: string): boolean {
  const numbers = (text: string) => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  const [found, least] = [numbers(version), numbers(limit)];
  for (const [index, wanted] of least.entries()) {
    const number = found[index] ?? -1;
    if (number !== wanted) return number < wanted;
  }
  return false;
}
