import { readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../toolchain/context.ts";
import { callEngine, defaultHost, expectEngine } from "../toolchain/docker-api.ts";
import type { LocalStack } from "./stack.ts";

/**
 * Clears what a killed `pulumi` left, so that the next `up` converges: the lock of a process that is gone, and
 * containers that were being created when it died, which exist without being in the state. A living process is
 * waited for. Containers that the state does not name as interrupted, or that lack our label, are never touched.
 */
export async function recoverStack(stack: LocalStack, say: (line: string) => void): Promise<void> {
  await clearLocks(stack, say);
  const interrupted = await interruptedCreates(stack);
  if (interrupted.length === 0) return;
  const host = stack.env.DOCKER_HOST ?? defaultHost;
  for (const { inputs, type } of interrupted) {
    if (type !== "docker:index/container:Container") continue;
    const { name } = inputs;
    const { status, body } = await callEngine(host, `/containers/${name}/json`);
    if (status !== 200 || JSON.parse(body).Config.Labels["ascend-pd.stack"] !== stack.name) continue;
    say(`removing ${name}: its creation was interrupted`);
    await expectEngine(host, `/containers/${name}?force=1&v=1`, { method: "DELETE" });
  }
  // Otherwise the state would name them as interrupted for ever, also after they were created.
  const flags = ["--clear-pending-creates", "--yes", "--skip-preview", "--non-interactive"];
  await run("pulumi", ["refresh", ...flags, ...stack.args], { env: stack.env });
}

async function clearLocks(stack: LocalStack, say: (line: string) => void): Promise<void> {
  const folder = join(stack.backend, ".pulumi/locks/organization/ascend-pd", stack.name);
  for (const lock of await locksIn(folder)) {
    let told = false;
    for (
      let holder = await holderOf(lock);
      holder !== undefined && (await isPulumi(holder));
      holder = await holderOf(lock)
    ) {
      if (!told) say(`waiting for pulumi (process ${holder}), which still works on ${stack.name}`);
      told = true;
      await sleep(500);
    }
  }
  if ((await locksIn(folder)).length > 0) {
    say(`clearing the lock of a pulumi that was killed while it worked on ${stack.name}`);
    await run("pulumi", ["cancel", "--yes", "--stack", stack.name], { env: stack.env });
  }
}

async function locksIn(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  return files.map((file) => join(folder, file));
}

/** The process id in a lock of this machine; undefined when the lock is gone or somebody else's. */
async function holderOf(lock: string): Promise<number | undefined> {
  const content = await readFile(lock, "utf8").catch(() => undefined);
  if (content === undefined) return undefined;
  const { pid, hostname: machine } = JSON.parse(content);
  return machine === hostname() ? pid : undefined;
}

/** Whether the process lives and is a pulumi: ids are used again, and a dead process that nobody reaped keeps its own. */
async function isPulumi(pid: number): Promise<boolean> {
  const [program = ""] = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return basename(program).includes("pulumi");
}

async function interruptedCreates(stack: LocalStack): Promise<ResourceInState[]> {
  const state = JSON.parse(
    await run("pulumi", ["stack", "export", "--stack", stack.name], { env: stack.env }),
  );
  const pending: PendingOperation[] = state.deployment?.pending_operations ?? [];
  return pending.filter(({ type }) => type === "creating").map(({ resource }) => resource);
}

interface PendingOperation {
  readonly type: string;
  readonly resource: ResourceInState;
}

interface ResourceInState {
  readonly type: string;
  readonly inputs: { readonly name: string };
}
