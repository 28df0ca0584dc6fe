import { dirname } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expectEngine } from "../../docker/api.ts";
import { archiveOf } from "../../docker/archive.ts";
import type { Administered, SchedulerTables } from "../../hosts/administered.ts";
import { engineOf } from "../../hosts/engine.ts";
import { everyContainer } from "../../planning/container/settings.ts";
import type { FilePlan } from "../../planning/plan.ts";
import { askScheduler } from "./scheduler.ts";

/** What a probe is given by standard input. */
export const tablesGiven = async (): Promise<SchedulerTables> => JSON.parse(await text(process.stdin));

/**
 * Renews the files that a scheduler's container has, and has it read them; false where it does not run, and will read
 * them when it starts. Throws when it refuses them, which leaves it serving as before, with the files from before.
 */
export async function renewTables(
  scheduler: Administered,
  { global, local, nodePorts, apiKeys }: Omit<SchedulerTables, "instances">,
): Promise<boolean> {
  const { host, container } = scheduler;
  const engine = engineOf(host);
  const folder = dirname(global.path);
  const archive = (path: string) => `/containers/${container}/archive?path=${encodeURIComponent(path)}`;
  const put = (path: string, tar: Buffer) =>
    expectEngine(engine, archive(path), { method: "PUT", tar: Readable.from([tar]) });

  const before = await expectEngine(engine, archive(folder));
  const files: readonly FilePlan[] = [global, local, nodePorts, ...(apiKeys ? [apiKeys] : [])];
  await put("/", archiveOf(files, everyContainer.fileMode));
  const answer = await askScheduler(scheduler, "/reload", {});
  if (answer === undefined) return false;
  if (answer.done) return true;
  await put(dirname(folder), Buffer.from(before));
  throw new Error(
    `the scheduler ${container} refuses its new rank tables, and goes on with those that it had: ${answer.problem.message}\n` +
      `${JSON.stringify(answer.problem.problems ?? answer.problem.code)}\n` +
      "fix: mend the stack file and run `pulumi up` again",
  );
}
