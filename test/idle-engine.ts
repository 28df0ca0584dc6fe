import { callEngine } from "../docker/api.ts";
import { processesNaming } from "../system/processes.ts";
import type { Context } from "../toolchain/context.ts";
import { stopDockerEngine } from "../toolchain/docker-engine.ts";

/** Stops the Docker Engine that a run has started, unless somebody else works with it by now. */
export async function stopIdleEngine(context: Context, engine: string): Promise<void> {
  const containers = JSON.parse((await callEngine(engine, "/containers/json")).body);
  if (containers.length > 0 || (await processesNaming(engine)).length > 0) return;
  await stopDockerEngine(context);
}
