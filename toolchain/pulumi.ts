import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { compiledIn } from "./cache.ts";
import type { Choice, Context } from "./context.ts";
import { type Cli, installedCli, obtainCli, userHome } from "./pulumi-cli.ts";
import { ensurePlugin, type InstalledPlugin, plugins } from "./pulumi-plugins.ts";
import { programsDir } from "./repository.ts";
import { localBackend, openState } from "./state.ts";

export interface Part {
  /** What to add to the environment; PATH is whole. */
  readonly env: Readonly<Record<string, string>>;
  readonly choices: readonly Choice[];
}

/**
 * A Pulumi that can run this project: the CLI, its Node.js language host and the plugins. Each part is what the user
 * has, else the published one, else one that is built from Go modules; what is already there costs no network.
 */
export async function ensurePulumi(context: Context, env: NodeJS.ProcessEnv = process.env): Promise<Part> {
  const own = await installedCli(context, env);
  const cli = "choice" in own ? own : await obtainCli(context, own.why);
  const installed: InstalledPlugin[] = [];
  for (const plugin of await plugins()) {
    installed.push(await ensurePlugin(context, cli, plugin, env));
  }
  const backend = await backendOf(env);
  return {
    env: {
      ...cliEnvironment(cli, installed, env),
      NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE || compiledIn(context),
      ...backend?.env,
    },
    choices: [cli.choice, ...installed.map(({ choice }) => choice), ...(backend ? [backend.choice] : [])],
  };
}

function cliEnvironment(
  cli: Cli,
  installed: readonly InstalledPlugin[],
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const first = [
    ...(cli.ours ? [cli.folder] : []),
    ...installed.flatMap(({ path }) => path ?? []),
    // The engine starts the program, the policies and the plugins with the `node` of PATH.
    programsDir(),
  ];
  const rest = (env.PATH ?? "").split(":").filter((folder) => !first.includes(folder));
  const PATH = [...new Set(first), ...rest].join(":");
  if (!cli.ours) return { PATH, PULUMI_SKIP_UPDATE_CHECK: "1" };
  return {
    PATH,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    PULUMI_HOME: cli.home,
    // A login is the user's and stays when the cache goes.
    PULUMI_CREDENTIALS_PATH: env.PULUMI_CREDENTIALS_PATH || userHome(env),
    // What the engine needs is in place; a plugin that is not would be looked for on the network at every start.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}

/** A local backend for who has none; undefined where a backend is set or somebody is logged in. */
async function backendOf(
  env: NodeJS.ProcessEnv,
): Promise<{ choice: Choice; env: Record<string, string> } | undefined> {
  if (env.PULUMI_BACKEND_URL || env.PULUMI_ACCESS_TOKEN || (await isLoggedIn(env))) return undefined;
  const folder = join(await openState(env), "pulumi");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const url = localBackend(folder);
  const hasPassphrase =
    env.PULUMI_CONFIG_PASSPHRASE !== undefined || env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined;
  return {
    choice: { part: "Pulumi backend", chosen: url, why: "no backend is set and nobody is logged in" },
    env: { PULUMI_BACKEND_URL: url, ...(hasPassphrase ? {} : { PULUMI_CONFIG_PASSPHRASE: "" }) },
  };
}

async function isLoggedIn(env: NodeJS.ProcessEnv): Promise<boolean> {
  const file = join(env.PULUMI_CREDENTIALS_PATH || userHome(env), "credentials.json");
  try {
    return Boolean(JSON.parse(await readFile(file, "utf8")).current);
  } catch {
    return false;
  }
}
