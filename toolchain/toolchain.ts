import { type Choice, type Context, openCache } from "./context.ts";
import { ensureDockerEngine } from "./docker-engine.ts";
import { ensureNodeImage } from "./node-image.ts";
import { ensurePulumi } from "./pulumi.ts";

export interface Toolchain {
  /** What to add to the environment of `pulumi` and of the project's own commands. */
  readonly env: Readonly<Record<string, string>>;
  /** How each part was obtained, in the order in which they were looked for. */
  readonly choices: readonly Choice[];
}

/**
 * Everything that it takes to run the project. With `engine`, also a Docker Engine on this machine and the image that
 * its containers stand on; without, a Docker Engine is not needed to be there.
 */
export async function ensureToolchain(context: Context, { engine }: { engine: boolean }): Promise<Toolchain> {
  await openCache(context);
  const pulumi = await ensurePulumi(context);
  if (!engine) return pulumi;
  const docker = await ensureDockerEngine(context);
  const node = await ensureNodeImage(context, docker.env);
  return {
    env: { ...pulumi.env, ...docker.env, ASCEND_PD_NODE_IMAGE: node.image },
    choices: [...pulumi.choices, docker.choice, node.choice],
  };
}
