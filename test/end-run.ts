import { globSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { callEngine, expectEngine, greetEngine } from "../docker/api.ts";
import { mountsBelow } from "../system/mounts.ts";
import { endProcessesNaming } from "../system/processes.ts";
import type { Context } from "../toolchain/context.ts";
import { removeHosts } from "../toolchain/local-hosts/hosts.ts";
import { removeNamespace } from "../toolchain/local-hosts/namespace.ts";
import { ownEngine, removeEngine } from "../toolchain/own-engine.ts";

/**
 * Ends everything that a test run has started, wherever it was cut off. All that is temporary lies in its `folder`, so
 * what it has started names that folder in its environment or arguments, or has its records there.
 */
export async function endRun(context: Context, folder: string, engine?: string): Promise<void> {
  await endProcessesNaming(folder);
  for (const host of new Set(find(folder, "host-0").map(dirname))) await removeHosts(context, host);
  for (const data of find(folder, "docker/data"))
    await removeEngine(context, ownEngine(dirname(dirname(data))));
  for (const mount of await mountsBelow([folder])) await removeNamespace(mount);
  if (engine !== undefined && (await greetEngine(engine)).answers) await removeContainers(folder, engine);
  await rm(folder, { recursive: true, force: true });
}

/** At most four folders down: below that there is what containers and caches hold. */
function find(folder: string, name: string): string[] {
  const levels = ["", "*/", "*/*/", "*/*/*/"];
  return levels.flatMap((level) => globSync(level + name, { cwd: folder })).map((path) => join(folder, path));
}

/** Those of its stacks, and those that tests have started themselves. */
async function removeContainers(folder: string, engine: string): Promise<void> {
  const stacks = find(folder, "stacks/*/engine").map((record) => basename(dirname(record)));
  for (const label of [...stacks.map((name) => `ascend-pd.stack=${name}`), `ascend-pd.test-run=${folder}`]) {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    const all = await expectEngine(engine, `/containers/json?all=1&filters=${filters}`);
    for (const { Id } of JSON.parse(all) as { Id: string }[])
      await callEngine(engine, `/containers/${Id}?force=1&v=1`, { method: "DELETE" });
  }
}
