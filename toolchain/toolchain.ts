import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultHost, greetEngine } from "../docker/api.ts";
import { openCache } from "./cache.ts";
import type { Choice, Context } from "./context.ts";
import { ensureDockerEngine, findDockerEngine } from "./docker-engine.ts";
import { ensureNodeImage } from "./node-image.ts";
import { requireOwnFolder } from "./own-folder.ts";
import { ensurePulumi, type Part } from "./pulumi.ts";
import { openState, stateDir } from "./state.ts";

export interface Toolchain {
  /** What to add to the environment of `pulumi` and of the project's own commands. */
  readonly env: Readonly<Record<string, string>>;
  /** How each part was obtained, in the order in which they were looked for. */
  readonly choices: readonly Choice[];
}

/**
 * Everything that it takes to run the project. With `engine`, also a Docker Engine on this machine and the image that
 * its containers stand on; "if obtained" takes those that an earlier run has obtained and starts nothing.
 */
export async function ensureToolchain(
  context: Context,
  { engine }: { engine: boolean | "if obtained" },
): Promise<Toolchain> {
  await openCache(context);
  await requireOwnFolder(stateDir(), "ASCEND_PD_STATE");
  // Where there can be no engine, that is said before minutes go into Pulumi.
  if (engine === true) await findDockerEngine();
  const pulumi = await ensurePulumi(context);
  if (engine === false) return pulumi;
  const docker = engine === true ? await obtainEngine(context) : await obtainedEngine();
  return { env: { ...pulumi.env, ...docker.env }, choices: [...pulumi.choices, ...docker.choices] };
}

async function obtainEngine(context: Context): Promise<Part> {
  const docker = await ensureDockerEngine(context);
  const node = await ensureNodeImage(
    context,
    docker.env.DOCKER_HOST || process.env.DOCKER_HOST || defaultHost,
  );
  const part = {
    env: { ...docker.env, ASCEND_PD_NODE_IMAGE: node.image },
    choices: [docker.choice, node.choice],
  };
  await openState();
  await writeFile(recordOfEngine(), JSON.stringify({ userHost: process.env.DOCKER_HOST ?? "", part }));
  return part;
}

/**
 * Without the same engine and image, a command that follows `npm run demo` would plan to replace what that has made.
 */
async function obtainedEngine(): Promise<Part> {
  const none = { env: {}, choices: [] };
  const record = await readFile(recordOfEngine(), "utf8").catch(() => undefined);
  if (record === undefined) return none;
  const { userHost, part }: { userHost: string; part: Part } = JSON.parse(record);
  // No other variable may come from a file.
  const { DOCKER_HOST, ASCEND_PD_NODE_IMAGE } = part.env;
  const isThere = DOCKER_HOST === undefined || (await greetEngine(DOCKER_HOST)).answers;
  if (userHost !== (process.env.DOCKER_HOST ?? "") || !isThere) return none;
  const env = { ...(DOCKER_HOST && { DOCKER_HOST }), ...(ASCEND_PD_NODE_IMAGE && { ASCEND_PD_NODE_IMAGE }) };
  return { env, choices: part.choices };
}

/** Beside the data of our own Docker Engine, which is one for each state folder. */
function recordOfEngine(): string {
  return join(stateDir(), "engine.json");
}
